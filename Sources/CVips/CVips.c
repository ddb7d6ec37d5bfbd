#define _GNU_SOURCE
#include "CVips.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <gmodule.h>
#include <vips/vips.h>

struct CVipsPicture {
    VipsImage *image;
    CVipsHeader header;
};

// The first line of libvips' error text, without control characters; libvips' own buffer is emptied.
static int failed(CVipsError *error, const char *otherwise) {
    char *text = vips_error_buffer_copy();
    const char *from = text && *text ? text : otherwise;
    size_t length = 0;
    while (length + 1 < sizeof error->text && from[length] && from[length] != '\n') length++;
    // Never cut a UTF-8 sequence: the first byte left out must not be one that continues.
    while (length > 0 && ((unsigned char) from[length] & 0xC0) == 0x80) length--;
    for (size_t i = 0; i < length; i++) error->text[i] = (unsigned char) from[i] < 0x20 ? ' ' : from[i];
    error->text[length] = 0;
    g_free(text);
    return -1;
}

// MARK: - Starting

static const char *const allowedLoaders[] = {
    "VipsForeignLoadPng", "VipsForeignLoadJpeg", "VipsForeignLoadWebp",
    "VipsForeignLoadNsgif", "VipsForeignLoadSvg", "VipsForeignLoadHeif",
};

static void allowLoaders(void) {
    vips_operation_block_set("VipsForeignLoad", TRUE);
    vips_block_untrusted_set(TRUE);
    for (size_t i = 0; i < sizeof allowedLoaders / sizeof *allowedLoaders; i++) {
        if (g_type_from_name(allowedLoaders[i])) vips_operation_block_set(allowedLoaders[i], FALSE);
    }
}

// What libvips has to say goes into errors; a library does not write to its user's terminal.
static void silent(const char *domain, GLogLevelFlags level, const char *message, void *data) {
    (void) domain, (void) level, (void) message, (void) data;
}

int cvips_start(CVipsError *error) {
    // libvips loads all its modules when it starts: ImageMagick, Poppler, OpenSlide. That takes 20 to 60 ms and brings
    // parsers into the process that nobody asked for, so it is sent to look for them where there are none.
    const char *given = getenv("VIPSHOME");
    char *home = given ? strdup(given) : NULL;
    setenv("VIPSHOME", "/nonexistent", 1);
    int status = vips_init("lienzo");
    if (home) setenv("VIPSHOME", home, 1); else unsetenv("VIPSHOME");
    free(home);
    if (status) return failed(error, "libvips does not start");
    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG, silent, NULL);
    allowLoaders();
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    return 0;
}

int cvips_start_heif(CVipsError *error) {
    if (g_type_from_name("VipsForeignLoadHeif")) return 0;
    Dl_info library;
    if (!dladdr((void *) vips_shutdown, &library) || !library.dli_fname) {
        return failed(error, "libvips does not say where it is installed");
    }
    char *directory = g_path_get_dirname(library.dli_fname);
    char *path = g_strdup_printf(
        "%s/vips-modules-%d.%d/vips-heif.%s", directory, vips_version(0), vips_version(1), G_MODULE_SUFFIX);
    GModule *module = g_module_open(path, G_MODULE_BIND_LAZY);
    g_free(path);
    g_free(directory);
    if (!module) return failed(error, "this libvips comes without its HEIC module");
    g_module_make_resident(module);
    allowLoaders();
    return 0;
}

// MARK: - Decoding

static int load(CVipsFormat format, const void *bytes, size_t length, double scale, VipsImage **image) {
    void *data = (void *) bytes;
    // A damaged file is an error, not a grey patch; libjpeg's mere warnings are let pass.
    VipsFailOn strict = VIPS_FAIL_ON_ERROR;
    VipsAccess access = VIPS_ACCESS_SEQUENTIAL;
    switch (format) {
    case CVIPS_PNG: return vips_pngload_buffer(data, length, image, "access", access, "fail_on", strict, NULL);
    case CVIPS_JPEG: return vips_jpegload_buffer(data, length, image, "access", access, "fail_on", strict, NULL);
    case CVIPS_WEBP: return vips_webpload_buffer(data, length, image, "access", access, "fail_on", strict, NULL);
    case CVIPS_GIF: return vips_gifload_buffer(data, length, image, "access", access, "fail_on", strict, NULL);
    case CVIPS_HEIF: return vips_heifload_buffer(data, length, image, "access", access, "fail_on", strict, NULL);
    case CVIPS_SVG:
        return vips_svgload_buffer(
            data, length, image, "access", access, "fail_on", strict, "scale", scale, NULL);
    }
    vips_error("cvips", "no such format");
    return -1;
}

int cvips_open(
    CVipsFormat format, const void *bytes, size_t length, double scale,
    CVipsPicture **picture, CVipsHeader *header, CVipsError *error
) {
    VipsImage *image = NULL;
    if (load(format, bytes, length, scale, &image)) return failed(error, "it cannot be read");
    CVipsPicture *opened = calloc(1, sizeof *opened);
    if (!opened) {
        g_object_unref(image);
        return failed(error, "no memory is left");
    }
    int turned = vips_image_get_orientation(image) >= 5;
    opened->image = image;
    opened->header.width = turned ? image->Ysize : image->Xsize;
    opened->header.height = turned ? image->Xsize : image->Ysize;
    opened->header.channels = vips_image_hasalpha(image) ? 4 : 3;
    *header = opened->header;
    *picture = opened;
    return 0;
}

void cvips_close(CVipsPicture *picture) {
    if (!picture) return;
    g_object_unref(picture->image);
    free(picture);
}

// Replaces `*image` by `next` when `status` says that `next` was made.
static int advance(VipsImage **image, VipsImage *next, int status) {
    if (status) return -1;
    g_object_unref(*image);
    *image = next;
    return 0;
}

// Upright, 8 bits, sRGB. The caller owns `*image` before and after, whether it worked or not.
static int normalize(VipsImage **image) {
    VipsImage *next = NULL;
    if (vips_image_get_orientation(*image) > 1) {
        // Turning reads from the bottom or the side, so the whole picture has to be there.
        next = vips_image_copy_memory(*image);
        if (advance(image, next, next ? 0 : -1)) return -1;
        int status = vips_autorot(*image, &next, NULL);
        if (advance(image, next, status)) return -1;
    }
    if ((*image)->Type != VIPS_INTERPRETATION_sRGB) {
        int status = vips_colourspace(*image, &next, VIPS_INTERPRETATION_sRGB, NULL);
        if (advance(image, next, status)) return -1;
    }
    if ((*image)->BandFmt != VIPS_FORMAT_UCHAR) {
        int status = vips_cast(*image, &next, VIPS_FORMAT_UCHAR, NULL);
        if (advance(image, next, status)) return -1;
    }
    return 0;
}

int cvips_read(CVipsPicture *picture, uint8_t *pixels, size_t capacity, CVipsError *error) {
    CVipsHeader header = picture->header;
    size_t row = (size_t) header.width * header.channels;
    if (capacity != row * header.height) return failed(error, "the buffer has another size than the picture");
    VipsImage *image = picture->image;
    g_object_ref(image);
    if (normalize(&image)) {
        g_object_unref(image);
        return failed(error, "its colours cannot be converted");
    }
    if (image->Xsize != header.width || image->Ysize != header.height || image->Bands != header.channels) {
        g_object_unref(image);
        return failed(error, "its pixels do not have the size or the channels that its header announces");
    }
    // Strips on this thread: no worker is started and nothing is held twice.
    int status = -1;
    VipsRegion *region = vips_region_new(image);
    for (int top = 0; region; top += 64) {
        if (top >= header.height) { status = 0; break; }
        VipsRect strip = { 0, top, header.width, VIPS_MIN(64, header.height - top) };
        if (vips_region_prepare(region, &strip)) break;
        for (int y = top; y < top + strip.height; y++) {
            memcpy(pixels + row * y, VIPS_REGION_ADDR(region, 0, y), row);
        }
    }
    if (region) g_object_unref(region);
    g_object_unref(image);
    if (status) return failed(error, "its pixels cannot be decoded");
    // A loader may have met a problem, gone on, and left a message behind.
    vips_error_clear();
    return 0;
}

// MARK: - Encoding

int cvips_encode(
    CVipsFormat format, const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, int32_t quality,
    uint8_t **bytes, size_t *length, CVipsError *error
) {
    size_t size = (size_t) width * height * channels;
    VipsImage *image = vips_image_new_from_memory(pixels, size, width, height, channels, VIPS_FORMAT_UCHAR);
    if (!image) return failed(error, "its pixels cannot be wrapped");
    VipsImage *next = NULL;
    int status = vips_copy(image, &next, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
    void *data = NULL;
    if (!advance(&image, next, status)) {
        switch (format) {
        case CVIPS_PNG:
            status = vips_pngsave_buffer(
                image, &data, length, "strip", TRUE, "filter", VIPS_FOREIGN_PNG_FILTER_ALL, NULL);
            break;
        case CVIPS_JPEG:
            status = vips_jpegsave_buffer(
                image, &data, length, "strip", TRUE, "Q", quality, "optimize_coding", TRUE, NULL);
            break;
        case CVIPS_WEBP:
            status = vips_webpsave_buffer(image, &data, length, "strip", TRUE, "Q", quality, NULL);
            break;
        default:
            vips_error("cvips", "pictures are written as PNG, JPEG or WebP only");
            status = -1;
        }
    }
    g_object_unref(image);
    if (status) return failed(error, "it cannot be encoded");
    *bytes = data;
    return 0;
}

void cvips_free(uint8_t *bytes) {
    g_free(bytes);
}
