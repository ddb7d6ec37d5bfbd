// Random numbers: torch's CPU generator, so that a seed gives the numbers the reference draws.
#include <ATen/CPUGeneratorImpl.h>

#include <mutex>

#include "Support.h"

using namespace ctorch;

struct CTorchGeneratorImplementation {
  at::Generator value;
};

extern "C" {

CTorchGenerator ctorch_generator_new(uint64_t seed) {
  return new CTorchGeneratorImplementation{at::detail::createCPUGenerator(seed)};
}

void ctorch_generator_free(CTorchGenerator generator) { delete generator; }

CTorchTensor ctorch_generator_state(CTorchGenerator generator) {
  return guarded<CTorchTensor>("generator state", {}, nullptr, [&] {
    std::lock_guard<std::mutex> lock(generator->value.mutex());
    return wrap(generator->value.get_state());
  });
}

bool ctorch_generator_set_state(CTorchGenerator generator, CTorchTensor state) {
  return guarded<bool>("set generator state", {state}, false, [&] {
    std::lock_guard<std::mutex> lock(generator->value.mutex());
    generator->value.set_state(state->value);
    return true;
  });
}

CTorchTensor ctorch_randn(const int64_t *shape, int rank, CTorchGenerator generator, int dtype) {
  return op("randn", {}, [&] {
    return at::randn(ints(shape, rank), generator->value, at::TensorOptions().dtype(scalar_type(dtype)));
  });
}

CTorchTensor ctorch_rand(const int64_t *shape, int rank, CTorchGenerator generator, int dtype) {
  return op("rand", {}, [&] {
    return at::rand(ints(shape, rank), generator->value, at::TensorOptions().dtype(scalar_type(dtype)));
  });
}

CTorchTensor ctorch_randint(int64_t low, int64_t high, const int64_t *shape, int rank, CTorchGenerator generator) {
  return op("randint", {}, [&] {
    return at::randint(low, high, ints(shape, rank), generator->value, at::TensorOptions().dtype(at::kLong));
  });
}

CTorchTensor ctorch_randperm(int64_t count, CTorchGenerator generator) {
  return op("randperm", {}, [&] {
    return at::randperm(count, generator->value, at::TensorOptions().dtype(at::kLong));
  });
}

CTorchTensor ctorch_bernoulli(const int64_t *shape, int rank, double probability, CTorchGenerator generator,
                              int dtype) {
  return op("bernoulli", {}, [&] {
    auto result = at::empty(ints(shape, rank), at::TensorOptions().dtype(scalar_type(dtype)));
    return result.bernoulli_(probability, generator->value);
  });
}
}
