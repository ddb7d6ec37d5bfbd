// Collectives over several processes: libtorch's Gloo on the CPU, met through a TCP store.
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <c10/util/Logging.h>

#include <cstdlib>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "Support.h"

using namespace ctorch;

struct CTorchProcessGroupImplementation {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> value;
};

namespace {

/// Waits for a collective. Its own errors tell of sockets; what happened is that another process is gone, or too slow.
void finish(const c10::intrusive_ptr<c10d::Work> &work) {
  try {
    work->wait();
  } catch (const std::exception &) {
    TORCH_CHECK(false, "another process of the group has ended or does not answer; see what it said");
  }
}

/// Tensors of one type laid end to end, so that many small ones make one message.
struct Bucket {
  std::vector<at::Tensor> members;
  at::Tensor joined;
  c10::intrusive_ptr<c10d::Work> work;
};

std::vector<Bucket> buckets(const std::vector<at::Tensor> &tensors, int64_t byte_limit) {
  std::vector<Bucket> result;
  int64_t bytes = 0;
  for (const auto &tensor : tensors) {
    bool fits = !result.empty() && bytes + static_cast<int64_t>(tensor.nbytes()) <= byte_limit &&
                result.back().members[0].scalar_type() == tensor.scalar_type();
    if (!fits) {
      result.emplace_back();
      bytes = 0;
    }
    result.back().members.push_back(tensor);
    bytes += static_cast<int64_t>(tensor.nbytes());
  }
  return result;
}

c10d::ReduceOp reduction(CTorchCollective code) {
  switch (code) {
    case CTORCH_COLLECTIVE_SUM: return c10d::ReduceOp::SUM;
    case CTORCH_COLLECTIVE_MAXIMUM: return c10d::ReduceOp::MAX;
  }
  TORCH_CHECK(false, "no reduction has the code ", static_cast<int>(code));
}

}  // namespace

extern "C" {

CTorchProcessGroup ctorch_process_group_new(const char *address, int port, int rank, int size, int timeout_seconds) {
  return guarded<CTorchProcessGroup>("process group", {}, nullptr, [&] {
    // What fails is told once, as an error; c10d would print it with its stack as well.
    static const bool quiet = setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0) == 0;
    if (quiet) c10::initLogging();
    TORCH_CHECK(port > 0 && port < 65536, "expected a port between 1 and 65535, found ", port);
    c10d::TCPStoreOptions store_options;
    store_options.port = static_cast<std::uint16_t>(port);
    store_options.isServer = rank == 0;
    store_options.numWorkers = static_cast<std::size_t>(size);
    store_options.timeout = std::chrono::seconds(timeout_seconds);
    auto store = c10::make_intrusive<c10d::TCPStore>(address, store_options);
    auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::seconds(timeout_seconds));
    const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
    options->devices.push_back(interface && *interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                                       : c10d::ProcessGroupGloo::createDefaultDevice());
    auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(std::move(store), rank, size, options);
    return new CTorchProcessGroupImplementation{std::move(group)};
  });
}

void ctorch_process_group_free(CTorchProcessGroup group) { delete group; }

bool ctorch_process_group_reduce(CTorchProcessGroup group, CTorchCollective operation, const CTorchTensor *tensors,
                                 int count, double factor, int64_t bucket_bytes) {
  return guarded<bool>("all-reduce", {}, false, [&] {
    c10::NoGradGuard guard;
    c10d::AllreduceOptions options;
    options.reduceOp = reduction(operation);
    auto all = buckets(list(tensors, count), bucket_bytes);
    // All messages are under way before the first is waited for.
    for (auto &bucket : all) {
      std::vector<at::Tensor> flat;
      for (const auto &member : bucket.members) flat.push_back(member.reshape(-1));
      bucket.joined = at::cat(flat);
      std::vector<at::Tensor> message{bucket.joined};
      bucket.work = group->value->allreduce(message, options);
    }
    for (auto &bucket : all) {
      finish(bucket.work);
      if (factor != 1) bucket.joined.mul_(factor);
      int64_t start = 0;
      for (auto &member : bucket.members) {
        member.copy_(bucket.joined.narrow(0, start, member.numel()).view(member.sizes()));
        start += member.numel();
      }
    }
    return true;
  });
}

CTorchTensor ctorch_process_group_gather(CTorchProcessGroup group, CTorchTensor tensor) {
  return op("all-gather", {tensor}, [&] {
    c10::NoGradGuard guard;
    std::vector<at::Tensor> input{tensor->value.contiguous()};
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int i = 0; i < group->value->getSize(); i++) outputs[0].push_back(at::empty_like(input[0]));
    finish(group->value->allgather(outputs, input));
    return at::cat(outputs[0]);
  });
}

bool ctorch_process_group_broadcast(CTorchProcessGroup group, const CTorchTensor *tensors, int count) {
  return guarded<bool>("broadcast", {}, false, [&] {
    c10::NoGradGuard guard;
    for (auto &tensor : list(tensors, count)) {
      auto dense = tensor.contiguous();
      std::vector<at::Tensor> message{dense};
      finish(group->value->broadcast(message));
      if (!dense.is_same(tensor)) tensor.copy_(dense);
    }
    return true;
  });
}
}
