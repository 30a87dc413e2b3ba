/*  api -- the actor that shows what there is, over HTTP: docs/api.md. */
#pragma once

int api_main(int argc, char **argv); // `tidewire api ...`; returns an exit code
