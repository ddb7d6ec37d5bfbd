// Gradients, and the in-place updates of training.
#include <c10/core/GradMode.h>

#include "Support.h"

using namespace ctorch;

extern "C" {

bool ctorch_gradient_enabled(void) { return c10::GradMode::is_enabled(); }

void ctorch_set_gradient_enabled(bool enabled) { c10::GradMode::set_enabled(enabled); }

bool ctorch_set_requires_gradient(CTorchTensor tensor, bool required) {
  return guarded<bool>("requires_grad", {tensor}, false, [&] {
    tensor->value.set_requires_grad(required);
    return true;
  });
}

bool ctorch_requires_gradient(CTorchTensor tensor) { return tensor->value.requires_grad(); }

bool ctorch_backward(CTorchTensor loss) {
  if (!loss) return false;
  return guarded<bool>("backward", {loss}, false, [&] {
    loss->value.backward();
    return true;
  });
}

CTorchTensor ctorch_gradient(CTorchTensor tensor) {
  return guarded<CTorchTensor>("gradient", {tensor}, nullptr, [&]() -> CTorchTensor {
    const at::Tensor &gradient = tensor->value.grad();
    return gradient.defined() ? wrap(gradient) : nullptr;
  });
}

void ctorch_clear_gradient(CTorchTensor tensor) { tensor->value.mutable_grad().reset(); }

bool ctorch_copy_into(CTorchTensor target, CTorchTensor source) {
  if (!source) return false;
  return guarded<bool>("copy", {target, source}, false, [&] {
    c10::NoGradGuard guard;
    TORCH_CHECK(target->value.sizes() == source->value.sizes(), "the shapes differ");
    target->value.copy_(source->value);
    return true;
  });
}

bool ctorch_add_into(CTorchTensor target, CTorchTensor source, double scale) {
  if (!source) return false;
  return guarded<bool>("add into", {target, source}, false, [&] {
    c10::NoGradGuard guard;
    target->value.add_(source->value, scale);
    return true;
  });
}

bool ctorch_adamw(const CTorchTensor *parameters, const CTorchTensor *gradients, const CTorchTensor *means,
                  const CTorchTensor *variances, const CTorchTensor *steps, int count, double learning_rate,
                  double beta1, double beta2, double weight_decay, double epsilon) {
  return guarded<bool>("adamw", {}, false, [&] {
    c10::NoGradGuard guard;
    auto step_tensors = list(steps, count);
    at::_foreach_add_(step_tensors, 1);
    at::_fused_adamw_(list(parameters, count), list(gradients, count), list(means, count), list(variances, count), {},
                      step_tensors, learning_rate, beta1, beta2, weight_decay, epsilon, false, false);
    return true;
  });
}

bool ctorch_lerp_all(const CTorchTensor *targets, const CTorchTensor *sources, int count, double weight) {
  return guarded<bool>("lerp", {}, false, [&] {
    c10::NoGradGuard guard;
    at::_foreach_lerp_(list(targets, count), list(sources, count), weight);
    return true;
  });
}

bool ctorch_total_norm(const CTorchTensor *tensors, int count, double *norm) {
  return guarded<bool>("norm", {}, false, [&] {
    c10::NoGradGuard guard;
    auto norms = at::_foreach_norm(list(tensors, count), 2);
    for (auto &one : norms) one = one.to(at::kDouble);
    *norm = at::linalg_vector_norm(at::stack(norms), 2).item<double>();
    return true;
  });
}

bool ctorch_scale_all(const CTorchTensor *tensors, int count, double factor) {
  return guarded<bool>("scale", {}, false, [&] {
    c10::NoGradGuard guard;
    at::_foreach_mul_(list(tensors, count), factor);
    return true;
  });
}
}
