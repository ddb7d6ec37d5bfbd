// Making tensors, asking them, and moving their elements in and out.
#include <cstring>

#include "Support.h"

using namespace ctorch;

at::ScalarType ctorch::scalar_type(int dtype) {
  switch (dtype) {
    case CTORCH_FLOAT32: return at::kFloat;
    case CTORCH_FLOAT64: return at::kDouble;
    case CTORCH_FLOAT16: return at::kHalf;
    case CTORCH_BFLOAT16: return at::kBFloat16;
    case CTORCH_INT64: return at::kLong;
    case CTORCH_INT32: return at::kInt;
    case CTORCH_INT16: return at::kShort;
    case CTORCH_INT8: return at::kChar;
    case CTORCH_UINT8: return at::kByte;
    case CTORCH_BOOL: return at::kBool;
    default: TORCH_CHECK(false, "no element type has the code ", dtype);
  }
}

int ctorch::dtype_code(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return CTORCH_FLOAT32;
    case at::kDouble: return CTORCH_FLOAT64;
    case at::kHalf: return CTORCH_FLOAT16;
    case at::kBFloat16: return CTORCH_BFLOAT16;
    case at::kLong: return CTORCH_INT64;
    case at::kInt: return CTORCH_INT32;
    case at::kShort: return CTORCH_INT16;
    case at::kChar: return CTORCH_INT8;
    case at::kByte: return CTORCH_UINT8;
    case at::kBool: return CTORCH_BOOL;
    default: return -1;
  }
}

at::Device ctorch::device(int code) {
  return code < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(code));
}

namespace {

at::TensorOptions options(int dtype, int device_code) {
  return at::TensorOptions().dtype(scalar_type(dtype)).device(device(device_code));
}

}  // namespace

extern "C" {

void ctorch_tensor_free(CTorchTensor tensor) { delete tensor; }

int ctorch_tensor_rank(CTorchTensor tensor) { return static_cast<int>(tensor->value.dim()); }

void ctorch_tensor_shape(CTorchTensor tensor, int64_t *shape) {
  auto sizes = tensor->value.sizes();
  std::copy(sizes.begin(), sizes.end(), shape);
}

int ctorch_tensor_dtype(CTorchTensor tensor) { return dtype_code(tensor->value.scalar_type()); }

int ctorch_tensor_device(CTorchTensor tensor) {
  return tensor->value.is_cpu() ? CTORCH_CPU : static_cast<int>(tensor->value.device().index());
}

bool ctorch_tensor_is_contiguous(CTorchTensor tensor) { return tensor->value.is_contiguous(); }

CTorchTensor ctorch_from_memory(const void *data, const int64_t *shape, int rank, int dtype,
                                void (*release)(void *), void *context) {
  return guarded<CTorchTensor>("from memory", {}, nullptr, [&] {
    auto deleter = [release, context](void *) {
      if (release) release(context);
    };
    return wrap(at::from_blob(const_cast<void *>(data), ints(shape, rank), deleter,
                              at::TensorOptions().dtype(scalar_type(dtype))));
  });
}

bool ctorch_copy_out(CTorchTensor tensor, int dtype, void *bytes, size_t size) {
  return guarded<bool>("copy out", {tensor}, false, [&] {
    auto source = tensor->value.detach().to(at::kCPU, scalar_type(dtype)).contiguous();
    TORCH_CHECK(source.nbytes() == size, "the tensor has ", source.nbytes(), " bytes, room is for ", size);
    if (size > 0) std::memcpy(bytes, source.const_data_ptr(), size);
    return true;
  });
}

CTorchTensor ctorch_full(const int64_t *shape, int rank, double value, int dtype, int device_code) {
  return op("full", {}, [&] { return at::full(ints(shape, rank), value, options(dtype, device_code)); });
}

CTorchTensor ctorch_arange(double start, double end, double step, int dtype, int device_code) {
  return op("arange", {}, [&] {
    bool whole = at::isIntegralType(scalar_type(dtype), false);
    auto scalar = [&](double x) { return whole ? at::Scalar(static_cast<int64_t>(x)) : at::Scalar(x); };
    return at::arange(scalar(start), scalar(end), scalar(step), options(dtype, device_code));
  });
}

CTorchTensor ctorch_linspace(double start, double end, int64_t count, int dtype, int device_code) {
  return op("linspace", {}, [&] { return at::linspace(start, end, count, options(dtype, device_code)); });
}

CTorchTensor ctorch_to(CTorchTensor tensor, int dtype, int device_code) {
  return op("to", {tensor}, [&] { return tensor->value.to(device(device_code), scalar_type(dtype)); });
}

CTorchTensor ctorch_alias(CTorchTensor tensor) {
  return op("alias", {tensor}, [&] { return tensor->value; });
}

CTorchTensor ctorch_clone(CTorchTensor tensor) {
  return op("clone", {tensor}, [&] { return tensor->value.clone(); });
}

CTorchTensor ctorch_contiguous(CTorchTensor tensor, bool channels_last) {
  return op("contiguous", {tensor}, [&] {
    return tensor->value.contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  });
}
}
