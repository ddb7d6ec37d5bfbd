// Element-wise operators, reductions and linear algebra.
#include "Support.h"

using namespace ctorch;

namespace {

at::Tensor unary(CTorchUnary op, const at::Tensor &x) {
  switch (op) {
    case CTORCH_NEG: return x.neg();
    case CTORCH_ABS: return x.abs();
    case CTORCH_EXP: return x.exp();
    case CTORCH_LOG: return x.log();
    case CTORCH_SQRT: return x.sqrt();
    case CTORCH_RSQRT: return x.rsqrt();
    case CTORCH_SQUARE: return x.square();
    case CTORCH_RECIPROCAL: return x.reciprocal();
    case CTORCH_SIN: return x.sin();
    case CTORCH_COS: return x.cos();
    case CTORCH_TANH: return x.tanh();
    case CTORCH_SIGMOID: return x.sigmoid();
    case CTORCH_RELU: return x.relu();
    case CTORCH_RELU6: return at::clamp(x, 0, 6);
    case CTORCH_SILU: return at::silu(x);
    case CTORCH_GELU: return at::gelu(x);
    case CTORCH_GELU_TANH: return at::gelu(x, "tanh");
    case CTORCH_FLOOR: return x.floor();
    case CTORCH_ROUND: return x.round();
    case CTORCH_SIGN: return x.sign();
    case CTORCH_ISFINITE: return x.isfinite();
    case CTORCH_LOGICAL_NOT: return x.logical_not();
    case CTORCH_DETACH: return x.detach();
    case CTORCH_CUMSUM_LAST: return x.cumsum(-1);
    case CTORCH_LOG1P: return x.log1p();
    case CTORCH_EXPM1: return x.expm1();
    case CTORCH_SOFTPLUS: return at::softplus(x);
  }
  TORCH_CHECK(false, "no unary operator has the code ", static_cast<int>(op));
}

template <typename Operand>
at::Tensor binary(CTorchBinary op, const at::Tensor &a, const Operand &b) {
  switch (op) {
    case CTORCH_ADD: return a.add(b);
    case CTORCH_SUB: return a.sub(b);
    case CTORCH_MUL: return a.mul(b);
    case CTORCH_DIV: return a.div(b);
    case CTORCH_POW: return a.pow(b);
    case CTORCH_EQ: return a.eq(b);
    case CTORCH_NE: return a.ne(b);
    case CTORCH_LT: return a.lt(b);
    case CTORCH_LE: return a.le(b);
    case CTORCH_GT: return a.gt(b);
    case CTORCH_GE: return a.ge(b);
    default: TORCH_CHECK(false, "no binary operator has the code ", static_cast<int>(op));
  }
}

const char *const unary_names[] = {
    "neg",  "abs",     "exp",  "log",  "sqrt",     "rsqrt", "square", "reciprocal", "sin",      "cos",
    "tanh", "sigmoid", "relu", "relu6", "silu",    "gelu",  "gelu",   "floor",      "round",    "sign",
    "isfinite", "logical_not", "detach", "cumsum", "log1p", "expm1",  "softplus"};
const char *const binary_names[] = {"add", "sub", "mul", "div", "pow", "maximum",     "minimum",    "eq",
                                    "ne",  "lt",  "le",  "gt",  "ge",  "logical_and", "logical_or", "matmul"};
const char *const reduction_names[] = {"sum", "mean", "amax", "amin", "std", "var", "norm", "logsumexp", "all", "any"};

}  // namespace

extern "C" {

CTorchTensor ctorch_unary(CTorchUnary code, CTorchTensor x) {
  return op(unary_names[code], {x}, [&] { return unary(code, x->value); });
}

CTorchTensor ctorch_binary(CTorchBinary code, CTorchTensor a, CTorchTensor b) {
  return op(binary_names[code], {a, b}, [&] {
    switch (code) {
      case CTORCH_MATMUL: return at::matmul(a->value, b->value);
      case CTORCH_MAXIMUM: return at::maximum(a->value, b->value);
      case CTORCH_MINIMUM: return at::minimum(a->value, b->value);
      case CTORCH_LOGICAL_AND: return at::logical_and(a->value, b->value);
      case CTORCH_LOGICAL_OR: return at::logical_or(a->value, b->value);
      default: return binary(code, a->value, b->value);
    }
  });
}

CTorchTensor ctorch_binary_scalar(CTorchBinary code, CTorchTensor a, double b) {
  return op(binary_names[code], {a}, [&] {
    // A whole number beside whole-number tensors keeps their type, as in Python.
    bool whole = at::isIntegralType(a->value.scalar_type(), true) && b == static_cast<double>(static_cast<int64_t>(b));
    at::Scalar scalar = whole ? at::Scalar(static_cast<int64_t>(b)) : at::Scalar(b);
    return binary(code, a->value, scalar);
  });
}

CTorchTensor ctorch_clamp(CTorchTensor x, double low, double high) {
  return op("clamp", {x}, [&] { return at::clamp(x->value, low, high); });
}

CTorchTensor ctorch_reduce(CTorchReduction code, CTorchTensor x, const int64_t *dims, int count, bool keep) {
  return op(reduction_names[code], {x}, [&] {
    const at::Tensor &value = x->value;
    std::vector<int64_t> all;
    for (int64_t i = 0; i < value.dim(); i++) all.push_back(i);
    at::IntArrayRef over = count > 0 ? ints(dims, count) : at::IntArrayRef(all);
    switch (code) {
      case CTORCH_SUM: return value.sum(over, keep);
      case CTORCH_MEAN: return value.mean(over, keep);
      case CTORCH_AMAX: return value.amax(over, keep);
      case CTORCH_AMIN: return value.amin(over, keep);
      case CTORCH_STD: return value.std(over, true, keep);
      case CTORCH_VAR: return value.var(over, true, keep);
      case CTORCH_NORM: return at::linalg_vector_norm(value, 2, over, keep);
      case CTORCH_LOGSUMEXP: return at::logsumexp(value, over, keep);
      case CTORCH_ALL: return at::all(value, over, keep);
      case CTORCH_ANY: return at::any(value, over, keep);
    }
    TORCH_CHECK(false, "no reduction has the code ", static_cast<int>(code));
  });
}

CTorchTensor ctorch_argmax(CTorchTensor x, int64_t dim, bool keep) {
  return op("argmax", {x}, [&] { return at::argmax(x->value, dim, keep); });
}

CTorchTensor ctorch_cumprod(CTorchTensor x, int64_t dim) {
  return op("cumprod", {x}, [&] { return at::cumprod(x->value, dim); });
}

CTorchTensor ctorch_cumsum(CTorchTensor x, int64_t dim) {
  return op("cumsum", {x}, [&] { return at::cumsum(x->value, dim); });
}

bool ctorch_topk(CTorchTensor x, int64_t k, int64_t dim, bool largest, CTorchTensor *values, CTorchTensor *indices) {
  if (!x) return false;
  return guarded<bool>("topk", {x}, false, [&] {
    auto [found, where] = at::topk(x->value, k, dim, largest, true);
    *values = wrap(found);
    *indices = wrap(where);
    return true;
  });
}

bool ctorch_eigh(CTorchTensor x, CTorchTensor *values, CTorchTensor *vectors) {
  if (!x) return false;
  return guarded<bool>("eigh", {x}, false, [&] {
    auto [eigenvalues, eigenvectors] = at::linalg_eigh(x->value);
    *values = wrap(eigenvalues);
    *vectors = wrap(eigenvectors);
    return true;
  });
}

CTorchTensor ctorch_solve(CTorchTensor a, CTorchTensor b) {
  return op("solve", {a, b}, [&] { return at::linalg_solve(a->value, b->value); });
}
}
