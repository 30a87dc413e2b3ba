/*  owned -- scope-bound ownership: the variable is destroyed when it leaves scope.
 *
 *  Works with every `void noun_destroy(noun_t **self_p)`; give away by setting to NULL.
 */
#pragma once

#define owned(destroy) __attribute__((cleanup(destroy)))
