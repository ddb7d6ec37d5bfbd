// The C wall over libtorch: the only header through which Lienzo speaks to it.
//
// Conventions
//  * A `CTorchTensor` that a function returns is owned by the caller, who gives it back with `ctorch_tensor_free`.
//  * NULL, or a false status, means failure. The first failure of the current error scope is kept with the
//    operator's name and the shapes it saw; a NULL input makes an operator return NULL without a new error.
//  * Scopes and errors belong to the calling thread.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__)
#pragma clang assume_nonnull begin
#define CTORCH_NULLABLE _Nullable
#define CTORCH_NONNULL _Nonnull
#else
#define CTORCH_NULLABLE
#define CTORCH_NONNULL
#endif

typedef struct CTorchTensorImplementation *CTorchTensor;
typedef struct CTorchGeneratorImplementation *CTorchGenerator;
// Several tensors; the memory holds as many as the count beside it says.
typedef const CTorchTensor CTORCH_NULLABLE *CTORCH_NONNULL CTorchTensorList;
// Where a second result goes.
typedef CTorchTensor CTORCH_NULLABLE *CTORCH_NONNULL CTorchTensorOut;

typedef enum CTorchDType {
  CTORCH_FLOAT32 = 0,
  CTORCH_FLOAT64 = 1,
  CTORCH_FLOAT16 = 2,
  CTORCH_BFLOAT16 = 3,
  CTORCH_INT64 = 4,
  CTORCH_INT32 = 5,
  CTORCH_INT16 = 6,
  CTORCH_INT8 = 7,
  CTORCH_UINT8 = 8,
  CTORCH_BOOL = 9,
} CTorchDType;

// A device is -1 for the CPU and the index of the GPU otherwise.
#define CTORCH_CPU (-1)

// MARK: Errors (Errors.cpp)

void ctorch_scope_enter(void);
// Ends the innermost scope. Returns its first error, to be freed with `ctorch_string_free`, or NULL.
char *CTORCH_NULLABLE ctorch_scope_leave(void);
bool ctorch_scope_active(void);
// The error recorded last on this thread; valid until the next call.
const char *ctorch_last_error(void);
void ctorch_string_free(char *CTORCH_NULLABLE text);

// MARK: The machine (Machine.cpp)

const char *ctorch_version(void);
// "AVX512", "AVX2", "DEFAULT", …: the kernels that libtorch chose.
const char *ctorch_cpu_capability(void);
bool ctorch_cpu_has_bfloat16(void);
bool ctorch_cpu_has_mkl(void);
int ctorch_threads(void);
void ctorch_set_threads(int count);
// Keeps freed memory in the process, so that large activations are not given back to and fetched from the kernel
// on each operator (ENGINE.md, lever "ma"); or, without `keep`, gives it back at once. Returns false where the C library
// has no such setting.
bool ctorch_keep_freed_memory(bool keep);
// Gives freed memory that is kept back to the system.
void ctorch_return_freed_memory(void);
// Lets threads of the intra-operator pool that wait for work sleep after microseconds rather than after milliseconds, so
// that they leave their processors to other threads. False where the library of threads is not libgomp.
bool ctorch_share_processors(void);
bool ctorch_cuda_available(void);

// MARK: Tensors (Tensors.cpp)

void ctorch_tensor_free(CTorchTensor CTORCH_NULLABLE tensor);
int ctorch_tensor_rank(CTorchTensor tensor);
void ctorch_tensor_shape(CTorchTensor tensor, int64_t *shape);
int ctorch_tensor_dtype(CTorchTensor tensor);
int ctorch_tensor_device(CTorchTensor tensor);
bool ctorch_tensor_is_contiguous(CTorchTensor tensor);

// Wraps memory that stays alive until `release(context)` is called. The tensor must not be written to if the memory
// must not be.
CTorchTensor CTORCH_NULLABLE ctorch_from_memory(const void *data, const int64_t *shape, int rank, int dtype,
                                                void (*CTORCH_NULLABLE release)(void *CTORCH_NULLABLE),
                                                void *CTORCH_NULLABLE context);
// Copies the elements, converted to `dtype` and in row-major order, into `bytes`, which has room for exactly them.
// `bytes` may be NULL where there is nothing to copy.
bool ctorch_copy_out(CTorchTensor tensor, int dtype, void *CTORCH_NULLABLE bytes, size_t size);

CTorchTensor CTORCH_NULLABLE ctorch_full(const int64_t *shape, int rank, double value, int dtype, int device);
CTorchTensor CTORCH_NULLABLE ctorch_arange(double start, double end, double step, int dtype, int device);
CTorchTensor CTORCH_NULLABLE ctorch_linspace(double start, double end, int64_t count, int dtype, int device);

CTorchTensor CTORCH_NULLABLE ctorch_to(CTorchTensor CTORCH_NULLABLE tensor, int dtype, int device);
// Another handle of the same tensor.
CTorchTensor CTORCH_NULLABLE ctorch_alias(CTorchTensor tensor);
CTorchTensor CTORCH_NULLABLE ctorch_clone(CTorchTensor CTORCH_NULLABLE tensor);
// Row-major, or channels-last where `channels_last`; no copy where the tensor is that already.
CTorchTensor CTORCH_NULLABLE ctorch_contiguous(CTorchTensor CTORCH_NULLABLE tensor, bool channels_last);

// MARK: Random numbers (Random.cpp): torch's CPU stream (Mersenne Twister)

CTorchGenerator ctorch_generator_new(uint64_t seed);
void ctorch_generator_free(CTorchGenerator CTORCH_NULLABLE generator);
CTorchTensor CTORCH_NULLABLE ctorch_generator_state(CTorchGenerator generator);
bool ctorch_generator_set_state(CTorchGenerator generator, CTorchTensor state);
CTorchTensor CTORCH_NULLABLE ctorch_randn(const int64_t *shape, int rank, CTorchGenerator generator, int dtype);
CTorchTensor CTORCH_NULLABLE ctorch_rand(const int64_t *shape, int rank, CTorchGenerator generator, int dtype);
CTorchTensor CTORCH_NULLABLE ctorch_randint(int64_t low, int64_t high, const int64_t *shape, int rank,
                                            CTorchGenerator generator);
CTorchTensor CTORCH_NULLABLE ctorch_randperm(int64_t count, CTorchGenerator generator);
CTorchTensor CTORCH_NULLABLE ctorch_bernoulli(const int64_t *shape, int rank, double probability,
                                              CTorchGenerator generator, int dtype);

// MARK: Operators (Operators.cpp)

typedef enum CTorchUnary {
  CTORCH_NEG, CTORCH_ABS, CTORCH_EXP, CTORCH_LOG, CTORCH_SQRT, CTORCH_RSQRT, CTORCH_SQUARE, CTORCH_RECIPROCAL,
  CTORCH_SIN, CTORCH_COS, CTORCH_TANH, CTORCH_SIGMOID, CTORCH_RELU, CTORCH_RELU6, CTORCH_SILU, CTORCH_GELU,
  CTORCH_GELU_TANH, CTORCH_FLOOR, CTORCH_ROUND, CTORCH_SIGN, CTORCH_ISFINITE, CTORCH_LOGICAL_NOT, CTORCH_DETACH,
  CTORCH_CUMSUM_LAST, CTORCH_LOG1P, CTORCH_EXPM1, CTORCH_SOFTPLUS,
} CTorchUnary;

typedef enum CTorchBinary {
  CTORCH_ADD, CTORCH_SUB, CTORCH_MUL, CTORCH_DIV, CTORCH_POW, CTORCH_MAXIMUM, CTORCH_MINIMUM, CTORCH_EQ, CTORCH_NE,
  CTORCH_LT, CTORCH_LE, CTORCH_GT, CTORCH_GE, CTORCH_LOGICAL_AND, CTORCH_LOGICAL_OR, CTORCH_MATMUL,
} CTorchBinary;

typedef enum CTorchReduction {
  CTORCH_SUM, CTORCH_MEAN, CTORCH_AMAX, CTORCH_AMIN, CTORCH_STD, CTORCH_VAR, CTORCH_NORM, CTORCH_LOGSUMEXP,
  CTORCH_ALL, CTORCH_ANY,
} CTorchReduction;

CTorchTensor CTORCH_NULLABLE ctorch_unary(CTorchUnary op, CTorchTensor CTORCH_NULLABLE x);
CTorchTensor CTORCH_NULLABLE ctorch_binary(CTorchBinary op, CTorchTensor CTORCH_NULLABLE a,
                                           CTorchTensor CTORCH_NULLABLE b);
// The scalar stands right of the operator.
CTorchTensor CTORCH_NULLABLE ctorch_binary_scalar(CTorchBinary op, CTorchTensor CTORCH_NULLABLE a, double b);
CTorchTensor CTORCH_NULLABLE ctorch_clamp(CTorchTensor CTORCH_NULLABLE x, double low, double high);
// Without dimensions: over all elements.
CTorchTensor CTORCH_NULLABLE ctorch_reduce(CTorchReduction op, CTorchTensor CTORCH_NULLABLE x, const int64_t *dims,
                                           int count, bool keep);
CTorchTensor CTORCH_NULLABLE ctorch_argmax(CTorchTensor CTORCH_NULLABLE x, int64_t dim, bool keep);
CTorchTensor CTORCH_NULLABLE ctorch_cumprod(CTorchTensor CTORCH_NULLABLE x, int64_t dim);
CTorchTensor CTORCH_NULLABLE ctorch_cumsum(CTorchTensor CTORCH_NULLABLE x, int64_t dim);
bool ctorch_topk(CTorchTensor CTORCH_NULLABLE x, int64_t k, int64_t dim, bool largest,
                 CTorchTensorOut values,
                 CTorchTensorOut indices);
// Eigenvalues in ascending order and eigenvectors as columns of a symmetric matrix.
bool ctorch_eigh(CTorchTensor CTORCH_NULLABLE x, CTorchTensorOut values,
                 CTorchTensorOut vectors);
// Solves a·x = b.
CTorchTensor CTORCH_NULLABLE ctorch_solve(CTorchTensor CTORCH_NULLABLE a, CTorchTensor CTORCH_NULLABLE b);

// MARK: Shapes (Shapes.cpp)

CTorchTensor CTORCH_NULLABLE ctorch_reshape(CTorchTensor CTORCH_NULLABLE x, const int64_t *shape, int rank);
CTorchTensor CTORCH_NULLABLE ctorch_permute(CTorchTensor CTORCH_NULLABLE x, const int64_t *dims, int rank);
CTorchTensor CTORCH_NULLABLE ctorch_expand(CTorchTensor CTORCH_NULLABLE x, const int64_t *shape, int rank);
CTorchTensor CTORCH_NULLABLE ctorch_slice(CTorchTensor CTORCH_NULLABLE x, int64_t dim, int64_t start, int64_t end,
                                          int64_t step);
CTorchTensor CTORCH_NULLABLE ctorch_select(CTorchTensor CTORCH_NULLABLE x, int64_t dim, int64_t index);
CTorchTensor CTORCH_NULLABLE ctorch_unsqueeze(CTorchTensor CTORCH_NULLABLE x, int64_t dim);
CTorchTensor CTORCH_NULLABLE ctorch_squeeze(CTorchTensor CTORCH_NULLABLE x, int64_t dim);
CTorchTensor CTORCH_NULLABLE ctorch_flip(CTorchTensor CTORCH_NULLABLE x, const int64_t *dims, int count);
CTorchTensor CTORCH_NULLABLE ctorch_repeat(CTorchTensor CTORCH_NULLABLE x, const int64_t *counts, int rank);
CTorchTensor CTORCH_NULLABLE ctorch_cat(CTorchTensorList xs, int count, int64_t dim);
CTorchTensor CTORCH_NULLABLE ctorch_stack(CTorchTensorList xs, int count, int64_t dim);
CTorchTensor CTORCH_NULLABLE ctorch_index_select(CTorchTensor CTORCH_NULLABLE x, int64_t dim,
                                                 CTorchTensor CTORCH_NULLABLE index);
CTorchTensor CTORCH_NULLABLE ctorch_gather(CTorchTensor CTORCH_NULLABLE x, int64_t dim,
                                           CTorchTensor CTORCH_NULLABLE index);
CTorchTensor CTORCH_NULLABLE ctorch_where(CTorchTensor CTORCH_NULLABLE condition, CTorchTensor CTORCH_NULLABLE a,
                                          CTorchTensor CTORCH_NULLABLE b);
CTorchTensor CTORCH_NULLABLE ctorch_masked_fill(CTorchTensor CTORCH_NULLABLE x, CTorchTensor CTORCH_NULLABLE mask,
                                                double value);
CTorchTensor CTORCH_NULLABLE ctorch_triangle(CTorchTensor CTORCH_NULLABLE x, bool upper, int64_t diagonal);
// Pads as torch does: pairs (before, after), the last dimension first. Mode: "constant", "reflect", "replicate".
CTorchTensor CTORCH_NULLABLE ctorch_pad(CTorchTensor CTORCH_NULLABLE x, const int64_t *pads, int count,
                                        const char *mode, double value);

// MARK: Neural network operators (Networks.cpp)

CTorchTensor CTORCH_NULLABLE ctorch_linear(CTorchTensor CTORCH_NULLABLE x, CTorchTensor CTORCH_NULLABLE weight,
                                           CTorchTensor CTORCH_NULLABLE bias, bool has_bias);
CTorchTensor CTORCH_NULLABLE ctorch_conv2d(CTorchTensor CTORCH_NULLABLE x, CTorchTensor CTORCH_NULLABLE weight,
                                           CTorchTensor CTORCH_NULLABLE bias, bool has_bias, int64_t stride,
                                           int64_t padding, int64_t dilation, int64_t groups);
CTorchTensor CTORCH_NULLABLE ctorch_softmax(CTorchTensor CTORCH_NULLABLE x, int64_t dim, bool logarithm);
CTorchTensor CTORCH_NULLABLE ctorch_layer_norm(CTorchTensor CTORCH_NULLABLE x, CTorchTensor CTORCH_NULLABLE weight,
                                               CTorchTensor CTORCH_NULLABLE bias, double epsilon);
CTorchTensor CTORCH_NULLABLE ctorch_group_norm(CTorchTensor CTORCH_NULLABLE x, int64_t groups,
                                               CTorchTensor CTORCH_NULLABLE weight,
                                               CTorchTensor CTORCH_NULLABLE bias, double epsilon, bool silu);
// silu(group norm · factor + offset) of maps that are whole fractions of x, whose pixels are repeated.
CTorchTensor CTORCH_NULLABLE ctorch_spatial_norm_silu(CTorchTensor CTORCH_NULLABLE x, int64_t groups,
                                                      CTorchTensor CTORCH_NULLABLE weight,
                                                      CTorchTensor CTORCH_NULLABLE bias, double epsilon,
                                                      CTorchTensor CTORCH_NULLABLE factor,
                                                      CTorchTensor CTORCH_NULLABLE offset);
// With `training`, normalises by the batch's statistics and moves the running ones by `momentum`, in place.
CTorchTensor CTORCH_NULLABLE ctorch_batch_norm(CTorchTensor CTORCH_NULLABLE x, CTorchTensor CTORCH_NULLABLE weight,
                                               CTorchTensor CTORCH_NULLABLE bias,
                                               CTorchTensor CTORCH_NULLABLE running_mean,
                                               CTorchTensor CTORCH_NULLABLE running_variance, bool training,
                                               double momentum, double epsilon);
CTorchTensor CTORCH_NULLABLE ctorch_embedding(CTorchTensor CTORCH_NULLABLE weight,
                                              CTorchTensor CTORCH_NULLABLE indices);
// [batch, heads, tokens, width] each; `mask` is added to the scores, or a boolean that says which keys take part.
CTorchTensor CTORCH_NULLABLE ctorch_attention(CTorchTensor CTORCH_NULLABLE query, CTorchTensor CTORCH_NULLABLE key,
                                              CTorchTensor CTORCH_NULLABLE value,
                                              CTorchTensor CTORCH_NULLABLE mask, bool has_mask, bool causal,
                                              double scale);
CTorchTensor CTORCH_NULLABLE ctorch_cross_entropy(CTorchTensor CTORCH_NULLABLE logits,
                                                  CTorchTensor CTORCH_NULLABLE target, double smoothing);
typedef enum CTorchInterpolation { CTORCH_NEAREST, CTORCH_BILINEAR, CTORCH_BICUBIC } CTorchInterpolation;
CTorchTensor CTORCH_NULLABLE ctorch_interpolate(CTorchTensor CTORCH_NULLABLE x, int64_t height, int64_t width,
                                                CTorchInterpolation mode, bool antialias);
// An uninitialised channels-last map of float32 or bfloat16 like `x` but for its sizes.
CTorchTensor CTORCH_NULLABLE ctorch_empty_map(CTorchTensor CTORCH_NULLABLE x, int64_t channels, int64_t height,
                                              int64_t width);
// Writes each second row from `row` on and each second column from `column` on, 0 or 1, of a map of 2 H and 2 W: the part of
// `source` [N, C, H + 1, W + 1] that begins there.
void ctorch_interleave(CTorchTensor CTORCH_NULLABLE map, CTorchTensor CTORCH_NULLABLE source, int64_t row,
                       int64_t column);
CTorchTensor CTORCH_NULLABLE ctorch_average_pool2d(CTorchTensor CTORCH_NULLABLE x, int64_t kernel, int64_t stride);
CTorchTensor CTORCH_NULLABLE ctorch_max_pool2d(CTorchTensor CTORCH_NULLABLE x, int64_t kernel, int64_t stride,
                                               int64_t padding);

// MARK: Prepared weights (Prepared.cpp): oneDNN's own layout, inference on the CPU only (ENGINE.md, lever "pack")

typedef enum CTorchActivation {
  CTORCH_ACTIVATION_NONE, CTORCH_ACTIVATION_RELU, CTORCH_ACTIVATION_RELU6, CTORCH_ACTIVATION_SILU,
  CTORCH_ACTIVATION_GELU, CTORCH_ACTIVATION_GELU_TANH, CTORCH_ACTIVATION_TANH, CTORCH_ACTIVATION_SIGMOID,
  CTORCH_ACTIVATION_QUICK_GELU,
} CTorchActivation;

CTorchTensor CTORCH_NULLABLE ctorch_prepare_linear(CTorchTensor CTORCH_NULLABLE weight);
// Without a residual: activation(x·Wᵀ + b). With one: x·Wᵀ + b + residual.
CTorchTensor CTORCH_NULLABLE ctorch_prepared_linear(CTorchTensor CTORCH_NULLABLE x,
                                                    CTorchTensor CTORCH_NULLABLE weight,
                                                    CTorchTensor CTORCH_NULLABLE bias, bool has_bias,
                                                    CTorchTensor CTORCH_NULLABLE residual, bool has_residual,
                                                    CTorchActivation activation);
// The weight in the layout that oneDNN chooses for inputs of the size of x.
CTorchTensor CTORCH_NULLABLE ctorch_prepare_conv2d(CTorchTensor CTORCH_NULLABLE weight,
                                                   CTorchTensor CTORCH_NULLABLE x, int64_t stride, int64_t padding,
                                                   int64_t dilation, int64_t groups);
// Without a residual: activation(conv(x) + b). With one: activation(conv(x) + b + residual).
CTorchTensor CTORCH_NULLABLE ctorch_prepared_conv2d(CTorchTensor CTORCH_NULLABLE x,
                                                    CTorchTensor CTORCH_NULLABLE weight,
                                                    CTorchTensor CTORCH_NULLABLE bias, bool has_bias,
                                                    CTorchTensor CTORCH_NULLABLE residual, bool has_residual,
                                                    int64_t stride, int64_t padding, int64_t dilation,
                                                    int64_t groups, CTorchActivation activation);

// MARK: Gradients and in-place updates (Autograd.cpp)

bool ctorch_gradient_enabled(void);
void ctorch_set_gradient_enabled(bool enabled);
bool ctorch_set_requires_gradient(CTorchTensor tensor, bool required);
bool ctorch_requires_gradient(CTorchTensor tensor);
// Accumulates d loss / d leaf into every leaf that requires a gradient.
bool ctorch_backward(CTorchTensor CTORCH_NULLABLE loss);
// The accumulated gradient, or NULL (with no error) where there is none.
CTorchTensor CTORCH_NULLABLE ctorch_gradient(CTorchTensor tensor);
void ctorch_clear_gradient(CTorchTensor tensor);

bool ctorch_copy_into(CTorchTensor target, CTorchTensor CTORCH_NULLABLE source);
// target += scale · source
bool ctorch_add_into(CTorchTensor target, CTorchTensor CTORCH_NULLABLE source, double scale);

// One AdamW step (decoupled weight decay) over all parameters in place. `steps` holds one float32 scalar each.
bool ctorch_adamw(CTorchTensorList parameters, CTorchTensorList gradients,
                  CTorchTensorList means, CTorchTensorList variances,
                  CTorchTensorList steps, int count, double learning_rate, double beta1,
                  double beta2, double weight_decay, double epsilon);
// target += (source − target)·weight, each pair in place.
bool ctorch_lerp_all(CTorchTensorList targets, CTorchTensorList sources,
                     int count, double weight);
// The Euclidean norm over all tensors together.
bool ctorch_total_norm(CTorchTensorList tensors, int count, double *norm);
bool ctorch_scale_all(CTorchTensorList tensors, int count, double factor);

// MARK: Recomputation (Recomputation.cpp)

// A part of a network: gives its result for x, owned by the caller, or NULL with an error recorded. `again` where it
// is asked a second time for the sake of the gradient.
typedef CTorchTensor CTORCH_NULLABLE (*CTorchPart)(void *CTORCH_NULLABLE context, CTorchTensor x, bool again);
// function(x); what it computes on the way is not kept for the gradient but computed again when that is taken.
// `release(context)` is called when the function is needed no longer.
CTorchTensor CTORCH_NULLABLE ctorch_recomputed(CTorchTensor CTORCH_NULLABLE x, CTorchPart function,
                                               void *CTORCH_NULLABLE context,
                                               void (*CTORCH_NULLABLE release)(void *CTORCH_NULLABLE));

// MARK: Several processes (ProcessGroup.cpp): the same calls in the same order in each of them

typedef struct CTorchProcessGroupImplementation *CTorchProcessGroup;
typedef enum CTorchCollective { CTORCH_COLLECTIVE_SUM, CTORCH_COLLECTIVE_MAXIMUM } CTorchCollective;

// Waits until all `size` processes have met at the address, where process 0 listens.
CTorchProcessGroup CTORCH_NULLABLE ctorch_process_group_new(const char *address, int port, int rank, int size,
                                                            int timeout_seconds);
void ctorch_process_group_free(CTorchProcessGroup group);
// Each tensor becomes `factor` times what it is over all processes, in messages of about `bucket_bytes`, in place.
bool ctorch_process_group_reduce(CTorchProcessGroup group, CTorchCollective operation, CTorchTensorList tensors,
                                 int count, double factor, int64_t bucket_bytes);
// The tensors of all processes, which have one shape, end to end along the first dimension.
CTorchTensor CTORCH_NULLABLE ctorch_process_group_gather(CTorchProcessGroup group,
                                                         CTorchTensor CTORCH_NULLABLE tensor);
// Overwrites each tensor with that of process 0.
bool ctorch_process_group_broadcast(CTorchProcessGroup group, CTorchTensorList tensors, int count);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#ifdef __cplusplus
}
#endif

#endif
