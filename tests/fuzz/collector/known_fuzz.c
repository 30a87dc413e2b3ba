/*  Any bytes as a piece of what a collector knows: read within bounds, and what was read is written
 *  and read again as the same.
 */
#include <assert.h>
#include <stdlib.h>

#include "actors/collector/known.h"

static bool again(void *context, bool last, slice_t payload)
{
    (void) last;
    fault_t fault;
    return known_read(context, payload, &fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    known_t known = { places_new(), amendments_new(), 0 };
    known_t copy = { places_new(), amendments_new(), 0 };
    if (!known.places || !known.amendments || !copy.places || !copy.amendments)
        abort();
    fault_t fault = { 0 };
    if (known_read(&known, slice_of(data, size), &fault)) {
        assert(known_write(&known, again, &copy));
        assert(copy.up_us == known.up_us);
        assert(places_count(copy.places) == places_count(known.places));
        assert(places_bytes(copy.places) == places_bytes(known.places));
        assert(amendments_count(copy.amendments) == amendments_count(known.amendments));
        assert(amendments_edition(copy.amendments) == amendments_edition(known.amendments));
        assert(amendments_begin(copy.amendments) == amendments_begin(known.amendments));
    } else {
        assert(fault.text[0]);
    }
    places_destroy(&known.places);
    places_destroy(&copy.places);
    amendments_destroy(&known.amendments);
    amendments_destroy(&copy.amendments);
    return 0;
}
