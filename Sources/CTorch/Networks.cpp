// The operators that layers are made of.
#include "Attention.h"
#include "GroupNorm.h"
#include "Support.h"

using namespace ctorch;

extern "C" {

CTorchTensor ctorch_linear(CTorchTensor x, CTorchTensor weight, CTorchTensor bias, bool has_bias) {
  if (has_bias && !bias) return nullptr;
  return op("linear", {x, weight}, [&] { return at::linear(x->value, weight->value, optional(bias)); });
}

CTorchTensor ctorch_conv2d(CTorchTensor x, CTorchTensor weight, CTorchTensor bias, bool has_bias, int64_t stride,
                           int64_t padding, int64_t dilation, int64_t groups) {
  if (has_bias && !bias) return nullptr;
  return op("conv2d", {x, weight}, [&] {
    return at::conv2d(x->value, weight->value, optional(bias), stride, padding, dilation, groups);
  });
}

CTorchTensor ctorch_softmax(CTorchTensor x, int64_t dim, bool logarithm) {
  return op(logarithm ? "log_softmax" : "softmax", {x},
            [&] { return logarithm ? at::log_softmax(x->value, dim) : at::softmax(x->value, dim); });
}

CTorchTensor ctorch_layer_norm(CTorchTensor x, CTorchTensor weight, CTorchTensor bias, double epsilon) {
  return op("layer_norm", {x, weight, bias}, [&] {
    return at::layer_norm(x->value, weight->value.sizes(), weight->value, bias->value, epsilon);
  });
}

CTorchTensor ctorch_group_norm(CTorchTensor x, int64_t groups, CTorchTensor weight, CTorchTensor bias,
                               double epsilon, bool silu) {
  return op("group_norm", {x, weight, bias},
            [&] { return group_norm(x->value, groups, weight->value, bias->value, epsilon, silu); });
}

CTorchTensor ctorch_spatial_norm_silu(CTorchTensor x, int64_t groups, CTorchTensor weight, CTorchTensor bias,
                                      double epsilon, CTorchTensor factor, CTorchTensor offset) {
  return op("spatial_norm", {x, weight, bias, factor, offset}, [&] {
    return spatial_norm_silu(x->value, groups, weight->value, bias->value, epsilon, factor->value, offset->value);
  });
}

CTorchTensor ctorch_batch_norm(CTorchTensor x, CTorchTensor weight, CTorchTensor bias, CTorchTensor running_mean,
                               CTorchTensor running_variance, bool training, double momentum, double epsilon) {
  return op("batch_norm", {x, weight, bias, running_mean, running_variance}, [&] {
    return at::batch_norm(x->value, weight->value, bias->value, running_mean->value, running_variance->value, training,
                          momentum, epsilon, false);
  });
}

CTorchTensor ctorch_embedding(CTorchTensor weight, CTorchTensor indices) {
  return op("embedding", {weight, indices}, [&] { return at::embedding(weight->value, indices->value); });
}

CTorchTensor ctorch_attention(CTorchTensor query, CTorchTensor key, CTorchTensor value, CTorchTensor mask,
                              bool has_mask, bool causal, double scale) {
  if (has_mask && !mask) return nullptr;
  return op("scaled_dot_product_attention", {query, key, value}, [&] {
    return attention(query->value, key->value, value->value, optional(mask), causal, scale);
  });
}

CTorchTensor ctorch_cross_entropy(CTorchTensor logits, CTorchTensor target, double smoothing) {
  return op("cross_entropy", {logits, target}, [&] {
    return at::cross_entropy_loss(logits->value, target->value, {}, at::Reduction::Mean, -100, smoothing);
  });
}

CTorchTensor ctorch_interpolate(CTorchTensor x, int64_t height, int64_t width, CTorchInterpolation mode,
                                bool antialias) {
  return op("interpolate", {x}, [&] {
    std::vector<int64_t> size{height, width};
    switch (mode) {
      case CTORCH_NEAREST: return at::upsample_nearest2d(x->value, size);
      case CTORCH_BILINEAR:
        return antialias ? at::_upsample_bilinear2d_aa(x->value, size, false)
                         : at::upsample_bilinear2d(x->value, size, false);
      case CTORCH_BICUBIC:
        return antialias ? at::_upsample_bicubic2d_aa(x->value, size, false)
                         : at::upsample_bicubic2d(x->value, size, false);
    }
    TORCH_CHECK(false, "no interpolation has the code ", static_cast<int>(mode));
  });
}

CTorchTensor ctorch_empty_map(CTorchTensor x, int64_t channels, int64_t height, int64_t width) {
  return op("empty map", {x}, [&] {
    return at::empty({x->value.size(0), channels, height, width},
                     x->value.options().memory_format(at::MemoryFormat::ChannelsLast));
  });
}

void ctorch_interleave(CTorchTensor map, CTorchTensor source, int64_t row, int64_t column) {
  if (!map || !source) return;
  guarded<bool>("interleave", {map, source}, false, [&] {
    const int64_t height = source->value.size(2) - 1, width = source->value.size(3) - 1;
    map->value.slice(2, row, std::nullopt, 2)
        .slice(3, column, std::nullopt, 2)
        .copy_(source->value.narrow(2, row, height).narrow(3, column, width));
    return true;
  });
}

CTorchTensor ctorch_average_pool2d(CTorchTensor x, int64_t kernel, int64_t stride) {
  return op("avg_pool2d", {x}, [&] { return at::avg_pool2d(x->value, kernel, stride); });
}

CTorchTensor ctorch_max_pool2d(CTorchTensor x, int64_t kernel, int64_t stride, int64_t padding) {
  return op("max_pool2d", {x}, [&] { return at::max_pool2d(x->value, kernel, stride, padding); });
}
}
