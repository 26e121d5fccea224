/* SPDX-License-Identifier: ISC */
#include <mirage/config.h>

JOB(patient, console);
JOB(obedient, console);
JOB(brief, console);

void configure(void)
{
    job first = patient(default_console);

    job_stop(first, "patient_stop");
    unikernel("jobs", together(first, together(obedient(default_console),
                                               brief(default_console))));
}
