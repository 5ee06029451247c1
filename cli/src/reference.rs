//! The reference page of the command line, made from the help pages themselves.

use std::path::Path;

use clap::CommandFactory;

use crate::args::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/cli.md");

/// The page as the help pages make it.
fn page() -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = String::from(
        "# The `boatyard` command\n\n\
         Made from `--help` by a test of the crate `boatyard-cli`; change it there.\n",
    );
    write(&mut command, "boatyard", 2, &mut text);
    text
}

fn write(command: &mut clap::Command, path: &str, level: usize, text: &mut String) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let heading = "#".repeat(level);
    text.push_str(&format!(
        "\n{heading} {path}\n\n```text\n{}\n```\n",
        help.join("\n").trim()
    ));
    for sub in command.get_subcommands_mut() {
        let path = format!("{path} {}", sub.get_name());
        // Wrapping is set per command.
        let mut sub = sub.clone().term_width(100);
        write(&mut sub, &path, level + 1, text);
    }
}

/// Renews the page and fails if it was out of date, so that a change of the
/// command line and its reference are committed together.
#[test]
fn the_reference_page_is_what_help_says() {
    let made = page();
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    if made != found {
        std::fs::create_dir_all(Path::new(PAGE).parent().unwrap()).unwrap();
        std::fs::write(PAGE, &made).unwrap();
        panic!("docs/reference/cli.md was out of date and has been rewritten; commit it");
    }
}
