#include "CSentencePiece.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <sentencepiece_processor.h>
#include <vector>

struct CSentencePieceModel {
    sentencepiece::SentencePieceProcessor processor;
};

CSentencePieceModel *csentencepiece_new(const void *bytes, size_t count) {
    try {
        auto model = std::make_unique<CSentencePieceModel>();
        auto status = model->processor.LoadFromSerializedProto({static_cast<const char *>(bytes), count});
        return status.ok() ? model.release() : nullptr;
    } catch (...) {
        return nullptr;
    }
}

void csentencepiece_free(CSentencePieceModel *model) { delete model; }

int32_t csentencepiece_count(const CSentencePieceModel *model) { return model->processor.GetPieceSize(); }

const char *csentencepiece_piece(const CSentencePieceModel *model, int32_t id) {
    return id >= 0 && id < csentencepiece_count(model) ? model->processor.IdToPiece(id).c_str() : "";
}

int64_t csentencepiece_encode(const CSentencePieceModel *model, const char *text, size_t count, int32_t **ids) {
    *ids = nullptr;
    try {
        std::vector<int> found;
        if (!model->processor.Encode({text, count}, &found).ok()) return -1;
        if (found.empty()) return 0;
        *ids = static_cast<int32_t *>(std::malloc(found.size() * sizeof(int32_t)));
        if (!*ids) return -1;
        std::memcpy(*ids, found.data(), found.size() * sizeof(int32_t));
        return static_cast<int64_t>(found.size());
    } catch (...) {
        return -1;
    }
}
