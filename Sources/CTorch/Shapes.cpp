// Operators that move elements without changing them.
#include "Support.h"

using namespace ctorch;

extern "C" {

CTorchTensor ctorch_reshape(CTorchTensor x, const int64_t *shape, int rank) {
  return op("reshape", {x}, [&] { return x->value.reshape(ints(shape, rank)); });
}

CTorchTensor ctorch_permute(CTorchTensor x, const int64_t *dims, int rank) {
  return op("permute", {x}, [&] { return x->value.permute(ints(dims, rank)); });
}

CTorchTensor ctorch_expand(CTorchTensor x, const int64_t *shape, int rank) {
  return op("expand", {x}, [&] { return x->value.expand(ints(shape, rank)); });
}

CTorchTensor ctorch_slice(CTorchTensor x, int64_t dim, int64_t start, int64_t end, int64_t step) {
  return op("slice", {x}, [&] { return x->value.slice(dim, start, end, step); });
}

CTorchTensor ctorch_select(CTorchTensor x, int64_t dim, int64_t index) {
  return op("select", {x}, [&] { return x->value.select(dim, index); });
}

CTorchTensor ctorch_unsqueeze(CTorchTensor x, int64_t dim) {
  return op("unsqueeze", {x}, [&] { return x->value.unsqueeze(dim); });
}

CTorchTensor ctorch_squeeze(CTorchTensor x, int64_t dim) {
  return op("squeeze", {x}, [&] { return x->value.squeeze(dim); });
}

CTorchTensor ctorch_flip(CTorchTensor x, const int64_t *dims, int count) {
  return op("flip", {x}, [&] { return x->value.flip(ints(dims, count)); });
}

CTorchTensor ctorch_repeat(CTorchTensor x, const int64_t *counts, int rank) {
  return op("repeat", {x}, [&] { return x->value.repeat(ints(counts, rank)); });
}

CTorchTensor ctorch_cat(const CTorchTensor *xs, int count, int64_t dim) {
  for (int i = 0; i < count; i++) {
    if (!xs[i]) return nullptr;
  }
  return op("cat", {}, [&] { return at::cat(list(xs, count), dim); });
}

CTorchTensor ctorch_stack(const CTorchTensor *xs, int count, int64_t dim) {
  for (int i = 0; i < count; i++) {
    if (!xs[i]) return nullptr;
  }
  return op("stack", {}, [&] { return at::stack(list(xs, count), dim); });
}

CTorchTensor ctorch_index_select(CTorchTensor x, int64_t dim, CTorchTensor index) {
  return op("index_select", {x, index}, [&] { return x->value.index_select(dim, index->value); });
}

CTorchTensor ctorch_gather(CTorchTensor x, int64_t dim, CTorchTensor index) {
  return op("gather", {x, index}, [&] { return x->value.gather(dim, index->value); });
}

CTorchTensor ctorch_where(CTorchTensor condition, CTorchTensor a, CTorchTensor b) {
  return op("where", {condition, a, b}, [&] { return at::where(condition->value, a->value, b->value); });
}

CTorchTensor ctorch_masked_fill(CTorchTensor x, CTorchTensor mask, double value) {
  return op("masked_fill", {x, mask}, [&] { return x->value.masked_fill(mask->value, value); });
}

CTorchTensor ctorch_triangle(CTorchTensor x, bool upper, int64_t diagonal) {
  return op(upper ? "triu" : "tril", {x},
            [&] { return upper ? x->value.triu(diagonal) : x->value.tril(diagonal); });
}

CTorchTensor ctorch_pad(CTorchTensor x, const int64_t *pads, int count, const char *mode, double value) {
  return op("pad", {x}, [&] {
    bool constant = std::string_view(mode) == "constant";
    return at::pad(x->value, ints(pads, count), mode, constant ? std::optional<double>(value) : std::nullopt);
  });
}
}
