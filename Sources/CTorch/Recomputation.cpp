// Gradient checkpointing: what a part of a network computes on the way to its result is not kept but computed again.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>

#include "Support.h"

using namespace ctorch;

namespace {

/// The caller's function with what it needs, given back with the last copy.
class Part {
 public:
  Part(CTorchPart function, void *context, void (*release)(void *))
      : function_(function), context_(context, release ? release : [](void *) {}) {}

  at::Tensor operator()(const at::Tensor &x, bool again) const {
    std::unique_ptr<CTorchTensorImplementation> input(wrap(x));
    std::unique_ptr<CTorchTensorImplementation> result(function_(context_.get(), input.get(), again));
    TORCH_CHECK(result, ctorch_last_error());
    return result->value;
  }

 private:
  CTorchPart function_;
  std::shared_ptr<void> context_;
};

/// Source: Chen et al. 2016, section 4; torch.utils.checkpoint (reentrant).
struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x,
                            const std::shared_ptr<Part> &part) {
    context->save_for_backward({x});
    context->saved_data["part"] = c10::IValue::make_capsule(c10::make_intrusive<Holder>(part));
    return (*part)(x, false);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    auto x = context->get_saved_variables()[0].detach().requires_grad_();
    auto part = c10::dynamic_intrusive_pointer_cast<Holder>(context->saved_data["part"].toCapsule())->part;
    at::AutoGradMode record(true);
    auto y = (*part)(x, true);
    y.backward(gradients[0]);
    return {x.grad(), at::Tensor()};
  }

 private:
  struct Holder : torch::CustomClassHolder {
    explicit Holder(std::shared_ptr<Part> part) : part(std::move(part)) {}
    std::shared_ptr<Part> part;
  };
};

}  // namespace

extern "C" {

CTorchTensor ctorch_recomputed(CTorchTensor x, CTorchPart function, void *context, void (*release)(void *)) {
  auto part = std::make_shared<Part>(function, context, release);
  return op("recomputed part", {x}, [&] {
    // Without a gradient to come there is nothing to keep, and so nothing to compute again.
    bool records = at::GradMode::is_enabled() && x->value.requires_grad();
    return records ? Recomputed::apply(x->value, part) : (*part)(x->value, false);
  });
}
}
