/* format.h - numbers as words of fixed width, so that nothing on the screen jitters. */
#ifndef THAW_UI_FORMAT_H
#define THAW_UI_FORMAT_H

enum { FORMAT_MAX = 16 }; /* bytes that every `out` below has */

void format_loss(char *out, double nats);   /* 5 columns: "1.812", "10.82", "  nan", "    -" */
void format_rate(char *out, double lr);     /* 6: "2.1e-4" */
void format_norm(char *out, double norm);   /* 4: "0.91", "12.3", " 123", "2e+4" */
void format_small(char *out, double x);     /* 4: "3e-2", "   0", "   -" */
void format_distance(char *out, double x);  /* 5: "0.004", "1.234", "12.34" */
void format_speed(char *out, double per_s); /* 5: "12.4k", "  830" */
void format_duration(char *out, double s);  /* 5: " 0:17", "59:59", "1h05m", "3d04h", "    -" */
void format_seconds(char *out, double s);   /* 5: "1.39s", "139ms", "12.3s" */
void format_perplexity(char *out, double ppl); /* no padding: "6.4", "84.1", "1840", "1.2e+07" */
void format_ppl(char *out, double ppl);        /* 4: "84.1", " 6.6", "1840", " 12k", "3e+9" */
void format_change(char *out, double ratio);   /* 5: " +39%", " -92%", "11.4x", "4e+7x" */
void format_count(char *out, double n);        /* no padding: "830", "12.4k", "4.2M" */
void format_bytes(char *out, double n);        /* no padding: "830 B", "12 MiB" */
void format_percent(char *out, double share);  /* no padding: "31.4%", "0.002%", "100%" */
#endif
