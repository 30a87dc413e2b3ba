/*  mailer -- sends one mail, as a process of its own, because libcurl waits for a mail server
 *  without letting go.
 *
 *  The notifier starts its own program again with MAILER_WORD, which is no word for people. What is
 *  to be sent, with the password, is on its standard input: nothing of it is in its arguments or in
 *  a file that has a name. The answer is there as soon as the server has given it; the good-bye
 *  after it is short, and is not waited for by anybody.
 */
#pragma once
#include "actors/notifier/deliver.h"

#define MAILER_WORD "mail-out"

// From its start to its end; then it is killed.
enum { MAILER_MS = DELIVER_TOTAL_MS + 2000 };

// What it reads. False: out of memory.
bool mailer_write(const letter_t *mail, buffer_t *out);
// What it wrote to the file, apart from the tag. False: it gave no answer.
bool mailer_answer(int file, answer_t *answer);

int mailer_main(int argc, char **argv);
