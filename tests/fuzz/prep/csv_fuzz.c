/*  Any bytes as CSV: every record lies inside the text, and reading ends. */
#include <stdlib.h>

#include "actors/prep/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static csv_t *csv;
    if (!csv && !(csv = csv_new()))
        abort();
    csv_dialect_t dialect = { .delimiter = ',' };
    if (size > 2) { // the first bytes choose a dialect
        dialect.skip_lines = data[0] % 4;
        dialect.comment = slice_of("#", data[1] % 2);
        data += 2;
        size -= 2;
    }
    csv_open(csv, slice_of(data, size), dialect);
    size_t before = 0, sum = 0;
    while (csv_next(csv) != CSV_END) {
        if (csv->at <= before || csv->at > size || csv->record.data < data ||
            csv->record.data + csv->record.size > data + size || csv->count > CSV_CELLS_MAX)
            abort();
        before = csv->at;
        for (unsigned i = 0; i + 1 < csv->count; i++) // the last one may be half read
            for (size_t b = 0; b < csv->cells[i].size; b++)
                sum += csv->cells[i].data[b];
    }
    return sum == SIZE_MAX;
}
