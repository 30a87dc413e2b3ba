/*  json_limit -- see json_limit.h. */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include "tests/bench/json_limit.h"

namespace od = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

static_assert(JSON_LIMIT_PADDING >= simdjson::SIMDJSON_PADDING, "readable bytes after a body");

namespace
{

od::parser parser;

error_code number(od::object &object, const char *name, double *sum)
{
    double value;
    SIMDJSON_TRY(object.find_field(name).get_double().get(value));
    *sum += value;
    return SUCCESS;
}

// The name of a member and the numbers of a market: last, high, low, volume, volumeQuote.
error_code summary(simdjson::simdjson_result<od::field> member, double *sum)
{
    std::string_view name;
    od::object market, price;
    SIMDJSON_TRY(member.unescaped_key().get(name));
    *sum += double(name.size());
    SIMDJSON_TRY(member.value().get_object().get(market));
    SIMDJSON_TRY(market.find_field("price").get_object().get(price));
    SIMDJSON_TRY(number(price, "last", sum));
    SIMDJSON_TRY(number(price, "high", sum));
    SIMDJSON_TRY(number(price, "low", sum));
    SIMDJSON_TRY(number(market, "volume", sum));
    return number(market, "volumeQuote", sum);
}

error_code element(od::object &object, const char *name, size_t index, double *sum)
{
    double value;
    SIMDJSON_TRY(object.find_field(name).at(index).get_double_in_string().get(value));
    *sum += value;
    return SUCCESS;
}

// The name of a pair, its ask, bid, last price and volume of 24 hours.
error_code ticker(simdjson::simdjson_result<od::field> member, double *sum)
{
    std::string_view name;
    od::object pair;
    SIMDJSON_TRY(member.unescaped_key().get(name));
    *sum += double(name.size());
    SIMDJSON_TRY(member.value().get_object().get(pair));
    SIMDJSON_TRY(element(pair, "a", 0, sum));
    SIMDJSON_TRY(element(pair, "b", 0, sum));
    SIMDJSON_TRY(element(pair, "c", 0, sum));
    return element(pair, "v", 1, sum);
}

template <typename read_t> error_code each(const char *body, size_t size, read_t read, size_t *rows)
{
    od::document document;
    od::object result;
    SIMDJSON_TRY(parser.iterate(body, size, size + JSON_LIMIT_PADDING).get(document));
    SIMDJSON_TRY(document["result"].get_object().get(result));
    for (auto member : result) {
        SIMDJSON_TRY(read(member));
        ++*rows;
    }
    return SUCCESS;
}

} // namespace

size_t json_limit_summaries(const char *body, size_t size, double *sum)
{
    size_t rows = 0;
    auto read = [sum](auto member) { return summary(member, sum); };
    return each(body, size, read, &rows) ? 0 : rows;
}

size_t json_limit_ticker(const char *body, size_t size, double *sum)
{
    size_t rows = 0;
    auto read = [sum](auto member) { return ticker(member, sum); };
    return each(body, size, read, &rows) ? 0 : rows;
}
