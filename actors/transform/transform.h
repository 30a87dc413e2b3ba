/*  transform -- the program that turns rows into windows, verdicts and alerts. */
#pragma once

int transform_main(int argc, char **argv);
