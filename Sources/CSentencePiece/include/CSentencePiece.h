#ifndef CSENTENCEPIECE_H
#define CSENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A SentencePiece model; may be read on many threads at once.
typedef struct CSentencePieceModel CSentencePieceModel;

/// Reads a model from the bytes of its file; NULL where they are none.
CSentencePieceModel *csentencepiece_new(const void *bytes, size_t count);

/// Frees a model; NULL is allowed.
void csentencepiece_free(CSentencePieceModel *model);

/// The number of pieces, from 0 up.
int32_t csentencepiece_count(const CSentencePieceModel *model);

/// The text of a piece, which ends in 0 and lives as long as the model; empty for a number out of range.
const char *csentencepiece_piece(const CSentencePieceModel *model, int32_t id);

/// Splits a text of UTF-8 into pieces.
///
/// *ids is to be freed with `free`, and NULL where there are none. Returns their number; -1 where it fails.
int64_t csentencepiece_encode(const CSentencePieceModel *model, const char *text, size_t count, int32_t **ids);

#ifdef __cplusplus
}
#endif

#endif
