/* SPDX-License-Identifier: MIT */
/*
 * Any text is a script or names its fault; a script that is one runs to a verdict, without a clock
 * and without a file, whatever it says.  fuzz-runs: 20000
 */
#include <stdint.h>
#include <stdlib.h>

#include "script/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    struct script_fault fault = {0};
    struct script_report *report = script_report_new();
    bool script = script_read(text, n, &fault);

    expect(report);
    expect(script != script_faulty(&fault));
    expect(script || fault.at.line > 0);
    script_run("/nonexistent/fuzz.pkt", text, n, NULL, report);
    expect(script || report->verdict == SCRIPT_BAD);
    expect(report->verdict == SCRIPT_PASSED || report->what[0]);
    script_report_free(report);
    return 0;
}
