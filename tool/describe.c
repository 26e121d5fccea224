/* SPDX-License-Identifier: ISC */
/* mirage describe: prints the facts of a config.c as text, JSON, a graph for
 * Graphviz, or a picture. */
#define _GNU_SOURCE
#include "commands.h"
#include "emit.h"
#include "options.h"
#include "process.h"
#include "quote.h"
#include "record.h"
#include "root.h"
#include "say.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_node(const struct node *t, int depth)
{
    printf("%*s%s", 4 * depth, "", t->type ? device_call(t) : t->what);
    if (t->type)
        printf("  [%s by %s]", device_name(t), t->driver);
    putchar('\n');
    for (size_t i = 0; i < t->argument_count; i++)
        if (t->argument[i].device)
            print_node(t->argument[i].device, depth + 1);
}

static void print_list(const char *name, const struct list *l)
{
    if (!l->count)
        return;
    printf("%s:", name);
    for (size_t i = 0; i < l->count; i++)
        printf(" %s", l->item[i]);
    putchar('\n');
}

static void print_text(const struct facts *f, bool recorded)
{
    printf("image: %s\ntarget: %s%s\n", f->image, f->target,
           recorded ? "" : " (not configured yet)");
    for (size_t i = 0; i < f->variable_count; i++)
        if (f->variable[i].value)
            printf("environment: %s=%s\n", f->variable[i].name,
                   f->variable[i].value);
        else
            printf("environment: %s is unset\n", f->variable[i].name);
    print_list("packages", &f->needs.packages);
    print_list("libraries", &f->needs.libraries);
    print_list("more sources", &f->sources);
    puts("jobs, and the devices they are given:");
    for (size_t i = 0; i < f->job_count; i++)
        print_node(f->job[i], 1);
}

static void json_list(const char *name, const struct list *l)
{
    printf("  \"%s\": [", name);
    for (size_t i = 0; i < l->count; i++) {
        fputs(i ? ", " : "", stdout);
        put_json_string(stdout, l->item[i]);
    }
    puts("],");
}

static void json_uses(const struct node *t)
{
    bool first = true;

    fputs("\"uses\": [", stdout);
    for (size_t i = 0; i < t->argument_count; i++)
        if (t->argument[i].device) {
            printf("%s\"%s\"", first ? "" : ", ",
                   device_name(t->argument[i].device));
            first = false;
        }
    fputs("]", stdout);
}

static void print_json(const struct facts *f, bool recorded)
{
    fputs("{\n  \"image\": ", stdout);
    put_json_string(stdout, f->image);
    printf(",\n  \"target\": \"%s\",\n  \"configured\": %s,\n"
           "  \"environment\": {",
           f->target, recorded ? "true" : "false");
    for (size_t i = 0; i < f->variable_count; i++) {
        fputs(i ? ", " : "", stdout);
        put_json_string(stdout, f->variable[i].name);
        fputs(": ", stdout);
        if (f->variable[i].value)
            put_json_string(stdout, f->variable[i].value);
        else
            fputs("null", stdout);
    }
    puts("},");
    json_list("packages", &f->needs.packages);
    json_list("libraries", &f->needs.libraries);
    json_list("sources", &f->sources);
    fputs("  \"devices\": [", stdout);
    for (size_t i = 0, n = 0; i < f->node_count; i++) {
        const struct node *t = &f->node[i];

        if (!t->type)
            continue;
        printf("%s\n    {\"name\": \"%s\", \"type\": \"%s\", \"call\": ",
               n++ ? "," : "", device_name(t), t->type);
        put_json_string(stdout, device_call(t));
        printf(", \"driver\": \"%s\", \"line\": %d, ", t->driver, t->line);
        json_uses(t);
        fputs("}", stdout);
    }
    fputs("],\n  \"jobs\": [", stdout);
    for (size_t i = 0; i < f->job_count; i++) {
        printf("%s\n    {\"entry\": \"%s\", \"line\": %d, ", i ? "," : "",
               f->job[i]->what, f->job[i]->line);
        json_uses(f->job[i]);
        fputs("}", stdout);
    }
    puts("]\n}");
}

static void dot_node(FILE *out, const struct node *t, const char *name,
                     const char *label, const char *shape)
{
    fprintf(out, "    %s [shape=%s, label=", name, shape);
    put_dot_string(out, label);
    fputs("];\n", out);
    for (size_t i = 0; i < t->argument_count; i++)
        if (t->argument[i].device)
            fprintf(out, "    %s -> %s;\n", name,
                    device_name(t->argument[i].device));
}

static void print_dot(FILE *out, const struct facts *f)
{
    fputs("digraph ", out);
    put_dot_string(out, f->image);
    fputs(" {\n    rankdir=LR;\n    node [fontname=\"sans-serif\"];\n", out);
    for (size_t i = 0; i < f->job_count; i++)
        dot_node(out, f->job[i], text_of("job_%zu", i), f->job[i]->what,
                 "ellipse");
    for (size_t i = 0; i < f->node_count; i++)
        if (f->node[i].type)
            dot_node(out, &f->node[i], device_name(&f->node[i]),
                     text_of("%s\n%s", device_call(&f->node[i]),
                             f->node[i].driver),
                     "box");
    fputs("}\n", out);
}

static int print_svg(const struct facts *f)
{
    char *name = text_of("%s/graph.dot", scratch());
    FILE *out = fopen(name, "w");
    struct words w = {0};

    if (!find_program("dot"))
        die(FAILED, "--svg is drawn by Graphviz's `dot`, which is not on PATH."
                    "\nOn Debian: apt-get install graphviz");
    if (!out)
        die(FAILED, "cannot write %s: %s", name, strerror(errno));
    print_dot(out, f);
    fclose(out);
    add_words(&w, "dot -Tsvg");
    add_word(&w, name);
    return run(&w, -1, 0).status;
}

int command_describe(int count, char **words)
{
    static const char *const known[] = {"-f", "--file", "--dot", "--json",
                                        "--svg", "--help", NULL};
    const char *file = NULL, *value, *as = "--text";
    struct record *r;
    struct facts *f;

    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--dot") == 0 || strcmp(words[i], "--json") == 0 ||
            strcmp(words[i], "--svg") == 0)
            as = words[i];
        else if ((value = option_value(count, words, &i, "--file", "-f")))
            file = value;
        else
            refuse_option("describe", words[i], known);
    if (file)
        file = enter_folder_of(file);
    r = read_record();
    if (r)
        apply_record(r);
    f = get_facts(file ? file : r ? r->file
                                  : "config.c",
                  r ? r->target : "unix");
    if (strcmp(as, "--svg") == 0)
        return print_svg(f);
    if (strcmp(as, "--dot") == 0)
        print_dot(stdout, f);
    else if (strcmp(as, "--json") == 0)
        print_json(f, r != NULL);
    else
        print_text(f, r != NULL);
    return 0;
}
