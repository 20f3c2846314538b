// What Stint uses of libvips. The library is loaded with the first image job, not with the program: it brings a hundred
// other libraries along, which would cost every command 20 ms and every process 13 MB.
//
// Functions give 0, or -1 where libvips failed (`stint_vips_error` has its words); an image that is given out belongs to
// the caller. All may be called from any thread once `stint_vips_start` has returned.
#ifndef STINT_CVIPS_H
#define STINT_CVIPS_H

#include <stddef.h>

typedef struct _VipsImage VipsImage;
typedef struct _VipsSource VipsSource;

/// How an image may become the size that is asked for: libvips' `VipsSize`.
typedef enum __attribute__((enum_extensibility(closed))) {
  ScaleRuleBoth = 0,
  ScaleRuleForce = 3,
} ScaleRule;

/// Called while an image is computed; `percent` is 0–100. Another answer than 0 stops the computation.
typedef int (*stint_vips_progress)(int percent, void *context);

typedef struct {
  stint_vips_progress call;
  void *context;
} stint_vips_observer;

/// Loads and starts libvips, once in a process. NULL, or what is missing. Only readers of formats that photos have are
/// left on, each of them written for files of strangers; results are not kept, for a file may change.
const char *stint_vips_start(void);

/// What went wrong last, in any thread, and forgets it; to be freed with `stint_vips_free`.
char *stint_vips_error(void);
void stint_vips_free(void *bytes);
void stint_vips_release(void *object);

/// The source of an open file; it makes a descriptor of its own. NULL where that fails.
VipsSource *stint_vips_source(int descriptor);
/// The name of the reader for what the first bytes say it is; NULL where there is none.
const char *stint_vips_reader(VipsSource *source);
/// The image of a file, whose pixels are read only when they are asked for, from top to bottom. NULL where that fails.
VipsImage *stint_vips_open(VipsSource *source);

int stint_vips_width(VipsImage *image);
int stint_vips_height(VipsImage *image);
int stint_vips_bands(VipsImage *image);
int stint_vips_has_alpha(VipsImage *image);
/// Whether the camera lay on its side: width and height are exchanged when it is shown.
int stint_vips_is_turned(VipsImage *image);

/// Whether the file says itself what its colours mean.
int stint_vips_has_profile(VipsImage *image);

/// The image of a file at another size, upright; `convert` brings colours of a profile to sRGB. A file that is damaged
/// is an error.
int stint_vips_scale(
    VipsSource *source, VipsImage **out, int width, int height, ScaleRule size, int crop, int convert);
/// Eight bits a channel of red, green and blue.
int stint_vips_srgb(VipsImage *in, VipsImage **out);
/// Text as large as fits, as a mask of 0–255. `markup` is Pango's.
int stint_vips_text(VipsImage **out, const char *markup, int width, int height);
/// The mask in a grey of 0–255: red, green, blue, and the mask times `opacity`.
int stint_vips_paint(VipsImage *mask, VipsImage **out, double grey, double opacity);
/// Moved right and down, with transparency where nothing is.
int stint_vips_shift(VipsImage *in, VipsImage **out, int distance);
/// `overlay` laid over `base` at a place.
int stint_vips_lay(VipsImage *base, VipsImage *overlay, VipsImage **out, int x, int y);
/// Without transparency: what shines through becomes white.
int stint_vips_flatten(VipsImage *in, VipsImage **out);
/// The first three channels alone.
int stint_vips_opaque(VipsImage *in, VipsImage **out);
/// The same image, to be observed apart from it.
int stint_vips_copy(VipsImage *in, VipsImage **out);

/// A file of the image, without its metadata; to be freed with `stint_vips_free`.
int stint_vips_jpeg(VipsImage *in, void **bytes, size_t *count, int quality);
int stint_vips_png(VipsImage *in, void **bytes, size_t *count, int compression);
int stint_vips_webp(VipsImage *in, void **bytes, size_t *count, int quality);
/// From now on `observer` is called while the image is computed; it must live as long as the image does.
void stint_vips_observe(VipsImage *image, stint_vips_observer *observer);

/// An image from rows of red, green and blue (or of one grey), which are copied. NULL where that fails.
VipsImage *stint_vips_from_pixels(const void *bytes, int width, int height, int bands);
/// All pixels, row by row, 8 bits a channel; to be freed with `stint_vips_free`. NULL where that fails.
void *stint_vips_pixels(VipsImage *image, size_t *count);
/// Enlarged `factor` (even) times and made grainy, as a photo is: noise of the deviation `grain` from a seed.
int stint_vips_develop(VipsImage *in, VipsImage **out, int factor, double grain, int seed);

#endif
