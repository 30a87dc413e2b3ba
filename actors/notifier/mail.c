/*  mail -- see mail.h. */
#include "actors/notifier/mail.h"

#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "actors/notifier/escape.h"
#include "actors/notifier/wording.h"
#include "proto/owned.h"
#include "proto/utf8.h"

enum {
    LINE_MAX_BYTES = 76,
    LOCAL_MAX = 64,
    WORD_BYTES_MAX = 45, // of text in one encoded word: 60 of base64
};

bool mail_address_is_good(const char *address)
{
    static const char local[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "!#$%&'*+-/=?^_`{|}~.";
    static const char domain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    size_t size = strlen(address), before = strspn(address, local);
    if (size > MAIL_ADDRESS_MAX || before == 0 || before > LOCAL_MAX || address[before] != '@')
        return false;
    const char *host = address + before + 1;
    // A '-' would look like an option to somebody.
    return address[0] != '-' && address[0] != '.' && address[before - 1] != '.' &&
           !strstr(address, "..") && host[0] != '\0' && strspn(host, domain) == strlen(host) &&
           host[0] != '-' && host[0] != '.' && host[strlen(host) - 1] != '.';
}

// ---- headers --------------------------------------------------------------------------------

static bool is_plain(slice_t text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    // What looks like an encoded word would be decoded.
    return text.size == 0 || !memmem(text.data, text.size, "=?", 2);
}

// As many whole characters as fit one encoded word.
static size_t word_size(slice_t text)
{
    size_t size = 0;
    while (size < text.size) {
        unsigned next = utf8_character(slice_of(text.data + size, text.size - size));
        next += next == 0;
        if (size + next > WORD_BYTES_MAX)
            break;
        size += next;
    }
    return size;
}

static void put_words(buffer_t *out, slice_t text)
{
    while (text.size > 0) {
        size_t size = word_size(text);
        uint8_t base64[WORD_BYTES_MAX / 3 * 4 + 1];
        EVP_EncodeBlock(base64, text.data, (int) size);
        buffer_printf(out, "=?UTF-8?B?%s?=", (const char *) base64);
        text = slice_of(text.data + size, text.size - size);
        if (text.size > 0)
            buffer_text(out, "\r\n ");
    }
}

void mail_header(buffer_t *out, const char *name, slice_t text)
{
    owned(buffer_destroy) buffer_t line = { 0 };
    escape_header(&line, text); // valid, and of one line, whatever it was
    out->failed |= line.failed;
    buffer_printf(out, "%s: ", name);
    slice_t clean = buffer_slice(&line);
    if (is_plain(clean) && clean.size <= WORDING_TITLE_MAX)
        buffer_append(out, clean.data, clean.size);
    else
        put_words(out, clean);
}

// "Tue, 14 Nov 2023 22:13:20 +0000", in no language but the standard's.
static void put_date(buffer_t *out, int64_t us)
{
    static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t) (us / 1000000);
    struct tm date;
    if (!gmtime_r(&seconds, &date)) {
        out->failed = true;
        return;
    }
    buffer_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[date.tm_wday],
                  date.tm_mday, months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min,
                  date.tm_sec);
}

// ---- parts ----------------------------------------------------------------------------------

// Lines in `text` end with LF, in the message with CR LF. A line ends softly before it is too long.
static void put_quoted(buffer_t *out, slice_t text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t line = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '\n') {
            buffer_text(out, "\r\n");
            line = 0;
            continue;
        }
        bool last = i + 1 == text.size || text.data[i + 1] == '\n';
        bool plain = (c > 0x20 && c < 0x7f && c != '=') || (c == ' ' && !last);
        size_t size = plain ? 1 : 3;
        if (line + size > LINE_MAX_BYTES - 1) {
            buffer_text(out, "=\r\n");
            line = 0;
        }
        const char coded[] = { '=', hex[c >> 4], hex[c & 15] };
        if (plain)
            buffer_append(out, &c, 1);
        else
            buffer_append(out, coded, sizeof coded);
        line += size;
    }
    buffer_text(out, "\r\n");
}

static void put_row(void *context, slice_t label, slice_t text)
{
    buffer_t *out = context;
    buffer_text(out, "<tr><th align=\"left\" valign=\"top\">");
    escape_html(out, label);
    buffer_text(out, "</th><td>");
    escape_html(out, text);
    buffer_text(out, "</td></tr>\n");
}

// No pictures, no links, no script: nothing that a reader of mail would block or warn of.
static bool write_html(buffer_t *out, const notice_t *notice)
{
    owned(buffer_destroy) buffer_t title = { 0 };
    wording_title(&title, notice);
    buffer_text(out, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>");
    escape_html(out, buffer_slice(&title));
    buffer_text(out, "</title></head>\n<body style=\"font-family:sans-serif\">\n<h3>");
    escape_html(out, buffer_slice(&title));
    buffer_text(out, "</h3>\n<table cellspacing=\"0\" cellpadding=\"3\">\n");
    bool whole = wording_facts(notice, put_row, out);
    buffer_text(out, "</table>\n</body></html>\n");
    return whole && !title.failed;
}

static void put_part(buffer_t *out, const char *boundary, const char *type, slice_t text)
{
    buffer_printf(out,
                  "--%s\r\nContent-Type: %s; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
                  boundary, type);
    put_quoted(out, text);
}

bool mail_write(const notice_t *notice, const mail_envelope_t *envelope, buffer_t *out)
{
    // No line of quoted-printable can look like it: a '=' there is followed by hex digits.
    static const char boundary[] = "=_tidewire";
    owned(buffer_destroy) buffer_t title = { 0 }, plain = { 0 }, text = { 0 }, html = { 0 };
    wording_title(&title, notice);
    wording_text(&plain, notice);
    escape_text(&text, buffer_slice(&plain));
    bool whole = write_html(&html, notice);
    put_date(out, envelope->sent_us);
    buffer_printf(out, "From: <%s>\r\nTo: <%s>\r\n", envelope->from, envelope->to);
    mail_header(out, "Subject", buffer_slice(&title));
    buffer_printf(
        out,
        "\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n",
        envelope->id, strchr(envelope->from, '@') + 1, boundary);
    put_part(out, boundary, "text/plain", buffer_slice(&text));
    put_part(out, boundary, "text/html", buffer_slice(&html));
    buffer_printf(out, "--%s--\r\n", boundary);
    return whole && !title.failed && !plain.failed && !text.failed && !html.failed && !out->failed;
}
