// What every file of the C wall shares: handles, conversions and the one place where C++ exceptions end.
#pragma once

#include <ATen/ATen.h>

#include <exception>
#include <initializer_list>
#include <string>
#include <vector>

#include "include/CTorch.h"

struct CTorchTensorImplementation {
  at::Tensor value;
};

namespace ctorch {

void record_error(const char *name, std::initializer_list<CTorchTensor> inputs, const char *what) noexcept;

inline CTorchTensor wrap(at::Tensor value) { return new CTorchTensorImplementation{std::move(value)}; }

at::ScalarType scalar_type(int dtype);
int dtype_code(at::ScalarType type);
at::Device device(int code);

inline at::IntArrayRef ints(const int64_t *values, int count) {
  return at::IntArrayRef(values, static_cast<size_t>(count));
}

inline std::optional<at::Tensor> optional(CTorchTensor tensor) {
  return tensor ? std::optional<at::Tensor>(tensor->value) : std::nullopt;
}

/// Calls `body`; a C++ exception is recorded under `name` with the shapes of `inputs` and becomes `failure`.
template <typename Result, typename Body>
Result guarded(const char *name, std::initializer_list<CTorchTensor> inputs, Result failure, Body &&body) noexcept {
  try {
    return body();
  } catch (const c10::Error &error) {
    record_error(name, inputs, error.what_without_backtrace());
  } catch (const std::exception &error) {
    record_error(name, inputs, error.what());
  } catch (...) {
    record_error(name, inputs, "an unknown C++ exception");
  }
  return failure;
}

/// An operator with one result: NULL inputs pass through as NULL.
template <typename Body>
CTorchTensor op(const char *name, std::initializer_list<CTorchTensor> inputs, Body &&body) noexcept {
  for (CTorchTensor input : inputs) {
    if (!input) return nullptr;
  }
  return guarded<CTorchTensor>(name, inputs, nullptr, [&] { return wrap(body()); });
}

/// The tensors of an array of handles; empty where one is missing.
inline std::vector<at::Tensor> list(const CTorchTensor *handles, int count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) {
    if (!handles[i]) return {};
    tensors.push_back(handles[i]->value);
  }
  return tensors;
}

}  // namespace ctorch
