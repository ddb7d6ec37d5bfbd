// A plain C view of the little of libvips that Lienzo needs: its own interface is variadic, which Swift cannot call.
//
// Every function that can fail returns 0 when it worked and -1 when not, and then leaves a sentence in `error`.
// Nothing here keeps a pointer to the caller's bytes after `cvips_close`.
#ifndef CVIPS_H
#define CVIPS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Why the last call failed, in libvips' words: UTF-8, one line, never longer than this.
typedef struct {
    char text[256];
} CVipsError;

/// The formats that are read; PNG, JPEG and WebP are written too.
typedef enum {
    CVIPS_PNG,
    CVIPS_JPEG,
    CVIPS_WEBP,
    CVIPS_GIF,
    CVIPS_SVG,
    CVIPS_HEIF
} CVipsFormat;

/// What `cvips_read` will deliver: the picture upright, 8 bits a channel, 3 channels (sRGB) or 4 (and straight alpha).
typedef struct {
    int32_t width;
    int32_t height;
    int32_t channels;
} CVipsHeader;

/// A picture whose header has been read and whose pixels have not.
typedef struct CVipsPicture CVipsPicture;

/// Starts libvips once for the process: every loader blocked but those of `CVipsFormat`, one worker thread a picture,
/// no operation cache. Call it before anything else; not from two threads at once.
int cvips_start(CVipsError *error);

/// Makes HEIC and AVIF readable where libvips keeps that loader in a module of its own. Not from two threads at once.
int cvips_start_heif(CVipsError *error);

/// Opens `bytes`, which must live until `cvips_close`, and reads the header only.
/// `scale` enlarges an SVG's own size and must be 1 for every other format.
/// On success `*picture` belongs to the caller, who gives it to `cvips_close`.
int cvips_open(
    CVipsFormat format, const void *bytes, size_t length, double scale,
    CVipsPicture **picture, CVipsHeader *header, CVipsError *error
);

/// Decodes into `pixels`: rows from the top, channels interleaved; `capacity` is width × height × channels bytes.
int cvips_read(CVipsPicture *picture, uint8_t *pixels, size_t capacity, CVipsError *error);

/// Frees the picture. NULL is allowed.
void cvips_close(CVipsPicture *picture);

/// Encodes interleaved 8-bit pixels as PNG, JPEG or WebP. `quality` is 1…100 and means nothing to PNG.
/// On success `*bytes` belongs to the caller, who gives it to `cvips_free`.
int cvips_encode(
    CVipsFormat format, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, int32_t quality,
    uint8_t **bytes, size_t *length, CVipsError *error
);

/// Frees what `cvips_encode` returned. NULL is allowed.
void cvips_free(uint8_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
