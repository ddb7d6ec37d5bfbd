// Linear and convolution on weights in oneDNN's own layout, with bias, activation and residual fused.
// The operators are those that libtorch registers for its compiler; they are reached through the dispatcher.
#include <ATen/core/dispatch/Dispatcher.h>

#include "Support.h"

using namespace ctorch;

namespace {

using OptionalTensor = std::optional<at::Tensor>;
using Scalars = c10::List<std::optional<at::Scalar>>;
using Text = std::optional<std::string_view>;

template <typename Signature>
auto find(const char *name, const char *overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

/// How oneDNN calls an activation: its name, its numbers and which variant.
struct Activation {
  std::string_view name = "none";
  Scalars scalars = Scalars();
  Text algorithm = std::nullopt;
};

Activation activation(CTorchActivation code) {
  switch (code) {
    case CTORCH_ACTIVATION_NONE: return {};
    case CTORCH_ACTIVATION_RELU: return {"relu"};
    case CTORCH_ACTIVATION_RELU6: return {"hardtanh", Scalars({at::Scalar(0.0), at::Scalar(6.0)})};
    case CTORCH_ACTIVATION_SILU: return {"swish"};
    case CTORCH_ACTIVATION_GELU: return {"gelu", Scalars(), "none"};
    case CTORCH_ACTIVATION_GELU_TANH: return {"gelu", Scalars(), "tanh"};
    case CTORCH_ACTIVATION_TANH: return {"tanh"};
    case CTORCH_ACTIVATION_SIGMOID: return {"sigmoid"};
    case CTORCH_ACTIVATION_QUICK_GELU: return {};  // oneDNN has none: applied after the product
  }
  TORCH_CHECK(false, "no activation has the code ", static_cast<int>(code));
}

at::Tensor apply(CTorchActivation code, const at::Tensor &x) {
  switch (code) {
    case CTORCH_ACTIVATION_NONE: return x;
    case CTORCH_ACTIVATION_RELU: return x.relu();
    case CTORCH_ACTIVATION_RELU6: return at::clamp(x, 0, 6);
    case CTORCH_ACTIVATION_SILU: return at::silu(x);
    case CTORCH_ACTIVATION_GELU: return at::gelu(x);
    case CTORCH_ACTIVATION_GELU_TANH: return at::gelu(x, "tanh");
    case CTORCH_ACTIVATION_TANH: return x.tanh();
    case CTORCH_ACTIVATION_SIGMOID: return x.sigmoid();
    case CTORCH_ACTIVATION_QUICK_GELU: return x * at::sigmoid(x * 1.702);
  }
  TORCH_CHECK(false, "no activation has the code ", static_cast<int>(code));
}

}  // namespace

extern "C" {

CTorchTensor ctorch_prepare_linear(CTorchTensor weight) {
  return op("prepare linear", {weight}, [&] {
    static const auto reorder =
        find<at::Tensor(const at::Tensor &, std::optional<int64_t>)>("mkldnn::_reorder_linear_weight");
    return reorder.call(weight->value.detach().contiguous(), std::nullopt);
  });
}

CTorchTensor ctorch_prepared_linear(CTorchTensor x, CTorchTensor weight, CTorchTensor bias, bool has_bias,
                                    CTorchTensor residual, bool has_residual, CTorchActivation code) {
  if ((has_bias && !bias) || (has_residual && !residual)) return nullptr;
  return op("linear", {x, weight}, [&] {
    static const auto linear =
        find<at::Tensor(const at::Tensor &, const at::Tensor &, const OptionalTensor &, std::string_view, Scalars,
                        Text)>("mkldnn::_linear_pointwise");
    static const auto linear_add =
        find<at::Tensor(const at::Tensor &, const at::Tensor &, const at::Tensor &, const OptionalTensor &,
                        std::string_view)>("mkldnn::_linear_pointwise", "binary");
    TORCH_CHECK(x->value.size(-1) == weight->value.size(1), "the last dimension of the input is ", x->value.size(-1),
                ", the layer takes ", weight->value.size(1));
    if (has_residual) {
      auto sum = linear_add.call(x->value, residual->value, weight->value, optional(bias), "add");
      return apply(code, sum);
    }
    auto fused = activation(code);
    auto y = linear.call(x->value, weight->value, optional(bias), fused.name, fused.scalars, fused.algorithm);
    return code == CTORCH_ACTIVATION_QUICK_GELU ? apply(code, y) : y;
  });
}

CTorchTensor ctorch_prepare_conv2d(CTorchTensor weight, CTorchTensor x, int64_t stride, int64_t padding,
                                   int64_t dilation, int64_t groups) {
  return op("conv2d", {x, weight}, [&] {
    TORCH_CHECK(x->value.dim() == 4 && x->value.size(1) == weight->value.size(1) * groups, "the input has ",
                x->value.size(1), " channels, the layer takes ", weight->value.size(1) * groups);
    static const auto reorder = find<at::Tensor(const at::Tensor &, c10::SymIntArrayRef, c10::SymIntArrayRef,
                                                c10::SymIntArrayRef, c10::SymInt, at::OptionalSymIntArrayRef)>(
        "mkldnn::_reorder_convolution_weight");
    std::vector<c10::SymInt> paddings{padding, padding}, strides{stride, stride}, dilations{dilation, dilation};
    // oneDNN chooses a layout for the size of the input and its order; without them, or with others, it would bring
    // the weight into its layout again on every call.
    auto sizes = c10::fromIntArrayRefSlow(x->value.sizes());
    // From the layout for another size back to the plain one: the same numbers.
    auto plain = weight->value.is_mkldnn() ? weight->value.to_dense() : weight->value.detach();
    return reorder.call(plain.contiguous(at::MemoryFormat::ChannelsLast), paddings, strides, dilations, groups, sizes);
  });
}

CTorchTensor ctorch_prepared_conv2d(CTorchTensor x, CTorchTensor weight, CTorchTensor bias, bool has_bias,
                                    CTorchTensor residual, bool has_residual, int64_t stride, int64_t padding,
                                    int64_t dilation, int64_t groups, CTorchActivation code) {
  if ((has_bias && !bias) || (has_residual && !residual)) return nullptr;
  return op("conv2d", {x, weight}, [&] {
    static const auto convolution =
        find<at::Tensor(const at::Tensor &, const at::Tensor &, const OptionalTensor &, at::IntArrayRef,
                        at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view, Scalars, Text)>(
            "mkldnn::_convolution_pointwise");
    static const auto convolution_add =
        find<at::Tensor(const at::Tensor &, const at::Tensor &, const at::Tensor &, const OptionalTensor &,
                        at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                        std::optional<at::Scalar>, Text, Scalars, Text)>("mkldnn::_convolution_pointwise", "binary");
    std::vector<int64_t> paddings{padding, padding}, strides{stride, stride}, dilations{dilation, dilation};
    auto input = x->value.contiguous(at::MemoryFormat::ChannelsLast);
    if (has_residual) {
      auto other = residual->value.contiguous(at::MemoryFormat::ChannelsLast);
      bool relu = code == CTORCH_ACTIVATION_RELU;
      auto sum = convolution_add.call(input, other, weight->value, optional(bias), paddings, strides, dilations,
                                      groups, "add", std::nullopt, relu ? Text("relu") : std::nullopt, Scalars(),
                                      std::nullopt);
      return relu ? sum : apply(code, sum);
    }
    auto fused = activation(code);
    auto y = convolution.call(input, weight->value, optional(bias), paddings, strides, dilations, groups, fused.name,
                              fused.scalars, fused.algorithm);
    return code == CTORCH_ACTIVATION_QUICK_GELU ? apply(code, y) : y;
  });
}
}
