#include "CVips.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

// The names, types and numbers of libvips' and GLib's binary interface, which has been stable under this library name
// since 2015. libvips' own bindings for Python, Ruby, PHP and .NET load it in the same way.
#ifdef __APPLE__
static const char *const libraryNames[] = {
    "libvips.42.dylib", "/opt/homebrew/lib/libvips.42.dylib", "/usr/local/lib/libvips.42.dylib"};
#else
static const char *const libraryNames[] = {"libvips.so.42"};
#endif

enum {
  accessSequential = 1,   // VIPS_ACCESS_SEQUENTIAL
  interestingNone = 0,    // VIPS_INTERESTING_NONE
  interestingCentre = 1,  // VIPS_INTERESTING_CENTRE
  interpretationSRGB = 22,  // VIPS_INTERPRETATION_sRGB
  interpretationGrey = 1,   // VIPS_INTERPRETATION_B_W
  blendOver = 2,            // VIPS_BLEND_MODE_OVER
  kernelCubic = 2,          // VIPS_KERNEL_CUBIC
  formatByte = 0,           // VIPS_FORMAT_UCHAR
  formatShort = 3,          // VIPS_FORMAT_SHORT
  logQuiet = 0xF0,          // G_LOG_LEVEL_WARNING, MESSAGE, INFO, DEBUG
};

typedef struct {
  VipsImage *image;
  int run, eta;
  int64_t expected, done;
  int percent;
  void *timer;
} Progress;

typedef struct VipsArrayDouble VipsArrayDouble;

// The options of an operation follow as pairs of name and value, with NULL at the end.
#define FUNCTIONS(F) \
  F(int, vips_init, (const char *)) \
  F(void, vips_cache_set_max, (int)) \
  F(void, vips_operation_block_set, (const char *, int)) \
  F(char *, vips_error_buffer_copy, (void)) \
  F(void, vips_error_clear, (void)) \
  F(VipsSource *, vips_source_new_from_descriptor, (int)) \
  F(const char *, vips_foreign_find_load_source, (VipsSource *)) \
  F(VipsImage *, vips_image_new_from_source, (VipsSource *, const char *, ...)) \
  F(VipsImage *, vips_image_new_from_memory_copy, (const void *, size_t, int, int, int, int)) \
  F(VipsImage *, vips_image_new_from_image, (VipsImage *, const double *, int)) \
  F(void *, vips_image_write_to_memory, (VipsImage *, size_t *)) \
  F(int, vips_image_get_width, (const VipsImage *)) \
  F(int, vips_image_get_height, (const VipsImage *)) \
  F(int, vips_image_get_bands, (const VipsImage *)) \
  F(int, vips_image_hasalpha, (VipsImage *)) \
  F(size_t, vips_image_get_typeof, (const VipsImage *, const char *)) \
  F(int, vips_image_get_orientation_swap, (VipsImage *)) \
  F(void, vips_image_set_progress, (VipsImage *, int)) \
  F(void, vips_image_set_kill, (VipsImage *, int)) \
  F(int, vips_thumbnail_source, (VipsSource *, VipsImage **, int, ...)) \
  F(int, vips_colourspace, (VipsImage *, VipsImage **, int, ...)) \
  F(int, vips_text, (VipsImage **, const char *, ...)) \
  F(int, vips_linear1, (VipsImage *, VipsImage **, double, double, ...)) \
  F(int, vips_bandjoin2, (VipsImage *, VipsImage *, VipsImage **, ...)) \
  F(int, vips_copy, (VipsImage *, VipsImage **, ...)) \
  F(int, vips_embed, (VipsImage *, VipsImage **, int, int, int, int, ...)) \
  F(int, vips_composite2, (VipsImage *, VipsImage *, VipsImage **, int, ...)) \
  F(VipsArrayDouble *, vips_array_double_new, (const double *, int)) \
  F(void, vips_area_unref, (VipsArrayDouble *)) \
  F(int, vips_flatten, (VipsImage *, VipsImage **, ...)) \
  F(int, vips_extract_band, (VipsImage *, VipsImage **, int, ...)) \
  F(int, vips_jpegsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_pngsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_webpsave_buffer, (VipsImage *, void **, size_t *, ...)) \
  F(int, vips_resize, (VipsImage *, VipsImage **, double, ...)) \
  F(int, vips_gaussnoise, (VipsImage **, int, int, ...)) \
  F(VipsImage *, vips_image_copy_memory, (VipsImage *)) \
  F(int, vips_replicate, (VipsImage *, VipsImage **, int, int, ...)) \
  F(int, vips_add, (VipsImage *, VipsImage *, VipsImage **, ...)) \
  F(int, vips_cast, (VipsImage *, VipsImage **, int, ...)) \
  F(unsigned long, g_signal_connect_data, (void *, const char *, void (*)(void), void *, void *, int)) \
  F(unsigned, g_log_set_handler, (const char *, int, void (*)(const char *, int, const char *, void *), void *)) \
  F(void, g_object_unref, (void *)) \
  F(void, g_free, (void *))

#define FIELD(result, name, arguments) result(*name) arguments;
static struct { FUNCTIONS(FIELD) } lib;

static void silence(const char *domain, int level, const char *message, void *data) {}

const char *stint_vips_start(void) {
  static char fault[256];
  void *handle = NULL;
  for (size_t i = 0; handle == NULL && i < sizeof libraryNames / sizeof *libraryNames; i++) {
    handle = dlopen(libraryNames[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (handle == NULL) {
    const char *reason = dlerror();
    snprintf(fault, sizeof fault, "%s", reason == NULL ? "not found" : reason);
    return fault;
  }
#define LOAD(result, name, arguments) \
  if ((lib.name = (result(*) arguments)dlsym(handle, #name)) == NULL) { \
    snprintf(fault, sizeof fault, "%s has no %s", libraryNames[0], #name); \
    return fault; \
  }
  FUNCTIONS(LOAD)
  if (lib.vips_init("stint")) return "it does not start";
  // Warnings, such as of a plug-in that is not installed, would go to standard error.
  lib.g_log_set_handler("VIPS", logQuiet, silence, NULL);
  lib.vips_cache_set_max(0);
  static const char *const formats[] = {"Jpeg", "Png", "Webp", "Tiff", "Nsgif", "Heif", "Jxl", "Jp2k"};
  lib.vips_operation_block_set("VipsForeignLoad", 1);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    char name[64];
    snprintf(name, sizeof name, "VipsForeignLoad%s", formats[i]);
    lib.vips_operation_block_set(name, 0);
  }
  return NULL;
}

char *stint_vips_error(void) {
  char *words = lib.vips_error_buffer_copy();
  lib.vips_error_clear();
  return words;
}

void stint_vips_free(void *bytes) { lib.g_free(bytes); }

void stint_vips_release(void *object) {
  if (object != NULL) lib.g_object_unref(object);
}

VipsSource *stint_vips_source(int descriptor) { return lib.vips_source_new_from_descriptor(descriptor); }

const char *stint_vips_reader(VipsSource *source) { return lib.vips_foreign_find_load_source(source); }

VipsImage *stint_vips_open(VipsSource *source) {
  return lib.vips_image_new_from_source(source, "", "access", accessSequential, NULL);
}

int stint_vips_width(VipsImage *image) { return lib.vips_image_get_width(image); }
int stint_vips_height(VipsImage *image) { return lib.vips_image_get_height(image); }
int stint_vips_bands(VipsImage *image) { return lib.vips_image_get_bands(image); }
int stint_vips_has_alpha(VipsImage *image) { return lib.vips_image_hasalpha(image); }
int stint_vips_is_turned(VipsImage *image) { return lib.vips_image_get_orientation_swap(image); }

int stint_vips_has_profile(VipsImage *image) {
  return lib.vips_image_get_typeof(image, "icc-profile-data") != 0;
}

int stint_vips_scale(
    VipsSource *source, VipsImage **out, int width, int height, ScaleRule size, int crop, int convert) {
  // Its own option "fail_on" does not reach the reader in 8.14.
  return lib.vips_thumbnail_source(
      source, out, width, "option_string", "[fail-on=error]", "height", height, "size", (int)size, "crop",
      crop ? interestingCentre : interestingNone, convert ? "export_profile" : NULL, "srgb", NULL);
}

int stint_vips_srgb(VipsImage *in, VipsImage **out) {
  return lib.vips_colourspace(in, out, interpretationSRGB, NULL);
}

int stint_vips_text(VipsImage **out, const char *markup, int width, int height) {
  return lib.vips_text(out, markup, "font", "sans bold", "width", width, "height", height, NULL);
}

int stint_vips_paint(VipsImage *mask, VipsImage **out, double grey, double opacity) {
  VipsImage *alpha = NULL, *colour = NULL, *joined = NULL;
  double greys[] = {grey, grey, grey};
  int result = lib.vips_linear1(mask, &alpha, opacity, 0.0, "uchar", 1, NULL);
  if (!result) {
    colour = lib.vips_image_new_from_image(mask, greys, 3);
    result = colour == NULL ? -1 : lib.vips_bandjoin2(colour, alpha, &joined, NULL);
  }
  if (!result) result = lib.vips_copy(joined, out, "interpretation", interpretationSRGB, NULL);
  stint_vips_release(joined);
  stint_vips_release(colour);
  stint_vips_release(alpha);
  return result;
}

int stint_vips_shift(VipsImage *in, VipsImage **out, int distance) {
  return lib.vips_embed(
      in, out, distance, distance, stint_vips_width(in) + distance, stint_vips_height(in) + distance, NULL);
}

int stint_vips_lay(VipsImage *base, VipsImage *overlay, VipsImage **out, int x, int y) {
  return lib.vips_composite2(base, overlay, out, blendOver, "x", x, "y", y, NULL);
}

int stint_vips_flatten(VipsImage *in, VipsImage **out) {
  double white[] = {255, 255, 255};
  VipsArrayDouble *background = lib.vips_array_double_new(white, 3);
  int result = lib.vips_flatten(in, out, "background", background, NULL);
  lib.vips_area_unref(background);
  return result;
}

int stint_vips_opaque(VipsImage *in, VipsImage **out) { return lib.vips_extract_band(in, out, 0, "n", 3, NULL); }

int stint_vips_copy(VipsImage *in, VipsImage **out) { return lib.vips_copy(in, out, NULL); }

int stint_vips_jpeg(VipsImage *in, void **bytes, size_t *count, int quality) {
  return lib.vips_jpegsave_buffer(in, bytes, count, "Q", quality, "strip", 1, "optimize_coding", 1, NULL);
}

int stint_vips_png(VipsImage *in, void **bytes, size_t *count, int compression) {
  return lib.vips_pngsave_buffer(in, bytes, count, "compression", compression, "strip", 1, NULL);
}

int stint_vips_webp(VipsImage *in, void **bytes, size_t *count, int quality) {
  return lib.vips_webpsave_buffer(in, bytes, count, "Q", quality, "strip", 1, "effort", 2, NULL);
}

static void evaluated(VipsImage *image, Progress *progress, stint_vips_observer *observer) {
  if (observer->call(progress->percent, observer->context)) lib.vips_image_set_kill(image, 1);
}

void stint_vips_observe(VipsImage *image, stint_vips_observer *observer) {
  lib.vips_image_set_progress(image, 1);
  lib.g_signal_connect_data(image, "eval", (void (*)(void))evaluated, observer, NULL, 0);
}

VipsImage *stint_vips_from_pixels(const void *bytes, int width, int height, int bands) {
  VipsImage *out = NULL;
  VipsImage *raw = lib.vips_image_new_from_memory_copy(
      bytes, (size_t)width * height * bands, width, height, bands, formatByte);
  if (raw == NULL) return NULL;
  lib.vips_copy(raw, &out, "interpretation", bands < 3 ? interpretationGrey : interpretationSRGB, NULL);
  stint_vips_release(raw);
  return out;
}

void *stint_vips_pixels(VipsImage *image, size_t *count) { return lib.vips_image_write_to_memory(image, count); }

int stint_vips_develop(VipsImage *in, VipsImage **out, int factor, double grain, int seed) {
  VipsImage *large = NULL, *noise = NULL, *whole = NULL, *tile = NULL, *film = NULL, *sum = NULL;
  int result = lib.vips_resize(in, &large, (double)factor, "kernel", kernelCubic, NULL);
  // Noise is slow to make: one tile of it, kept, serves for all.
  if (!result) {
    result = lib.vips_gaussnoise(
        &noise, 2 * stint_vips_width(in), 2 * stint_vips_height(in), "sigma", grain, "mean", 0.0, "seed", seed, NULL);
  }
  if (!result) result = lib.vips_cast(noise, &whole, formatShort, NULL);
  if (!result) {
    tile = lib.vips_image_copy_memory(whole);
    int count = (factor + 1) / 2;
    result = tile == NULL ? -1 : lib.vips_replicate(tile, &film, count, count, NULL);
  }
  if (!result) result = lib.vips_add(large, film, &sum, NULL);
  if (!result) result = lib.vips_cast(sum, out, formatByte, NULL);
  stint_vips_release(sum);
  stint_vips_release(film);
  stint_vips_release(tile);
  stint_vips_release(whole);
  stint_vips_release(noise);
  stint_vips_release(large);
  return result;
}
