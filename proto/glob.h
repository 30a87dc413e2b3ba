/*  glob -- does a text fit a pattern of a person's? Pure.
 *
 *  `*` stands for any bytes, none too, and `?` for one; everything else for itself, capital
 *  letters and small ones apart. It takes no more steps than the product of both lengths,
 *  whatever they hold.
 */
#pragma once
#include <stdbool.h>

#include "proto/slice.h"

bool glob_fits(slice_t pattern, slice_t text);
// The same; the steps that it took are added.
bool glob_fits_counted(slice_t pattern, slice_t text, size_t *steps);
