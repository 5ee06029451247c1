//! What commands print: JSON for programs, indented text for people.

use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// Prints a line to standard output. If nobody reads it any more (`| head`), the
/// command ends, as other tools do.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::output::print_line(format_args!($($words)*))
    };
}
pub(crate) use say;

/// See [`say`].
pub fn print_line(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    if written.is_err() {
        std::process::exit(0);
    }
}

/// Text that somebody else wrote, safe to print: control characters, which could
/// command the terminal, and characters that reverse the direction of writing
/// are written as escapes. Line breaks stay.
pub fn printable(text: &str) -> String {
    let reversing = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| match c {
            '\n' => c.to_string(),
            c if c.is_control() || reversing(c) => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
}

/// All texts in a value made [`printable`], names of members included.
pub fn printable_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(text)),
        Value::Array(values) => values.iter().map(printable_value).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (printable(key), printable_value(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Longest single value shown to people; the rest is cut.
const MAX_SHOWN: usize = 400;

/// How to talk to the user.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON only.
    pub json: bool,
    /// Results only: no progress, no hints.
    pub quiet: bool,
}

impl Output {
    /// Prints the result of a command: `value` for programs, what `people`
    /// prints for people.
    pub fn result(self, value: &Value, people: impl FnOnce()) {
        if self.json {
            // `{:#}` is indented JSON.
            say!("{value:#}");
        } else {
            people();
        }
    }

    /// A line that only helps.
    pub fn hint(self, line: impl std::fmt::Display) {
        if !self.json && !self.quiet {
            eprintln!("{}", style(line).dim());
        }
    }

    /// A spinner on terminals; nothing elsewhere.
    pub fn spinner(self, words: impl Into<String>) -> ProgressBar {
        let bar = self.bar(None);
        bar.set_message(words.into());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// A bar of `length` steps on terminals; nothing elsewhere.
    pub fn progress(self, length: u64, words: impl Into<String>) -> ProgressBar {
        let bar = self.bar(Some(length));
        bar.set_style(
            ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_message(words.into());
        bar
    }

    fn bar(self, length: Option<u64>) -> ProgressBar {
        // Hidden by itself where standard error is no terminal.
        let target = match self.json || self.quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        ProgressBar::with_draw_target(length, target)
    }
}

/// A value in indented lines: objects as `key: value`, lists with `-`.
pub fn lines(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    write_lines(&printable_value(value), 0, &mut out);
    out
}

fn write_lines(value: &Value, indent: usize, out: &mut Vec<String>) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                let key = style(format!("{key}:")).cyan();
                match inline(value) {
                    Some(text) => out.push(format!("{pad}{key} {text}")),
                    None => {
                        out.push(format!("{pad}{key}"));
                        write_lines(value, indent + 1, out);
                    }
                }
            }
        }
        Value::Array(values) if !values.is_empty() => {
            for value in values {
                match inline(value) {
                    Some(text) => out.push(format!("{pad}- {text}")),
                    None => {
                        let mut inner = Vec::new();
                        write_lines(value, indent + 1, &mut inner);
                        for (position, line) in inner.into_iter().enumerate() {
                            match position {
                                // The first line stands behind the dash.
                                0 => out.push(format!("{pad}- {}", line.trim_start())),
                                _ => out.push(line),
                            }
                        }
                    }
                }
            }
        }
        other => out.push(format!("{pad}{}", short(other))),
    }
}

/// A value on one line, if it has few parts.
fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) if object.is_empty() => Some("{}".into()),
        Value::Array(values) if values.is_empty() => Some("[]".into()),
        Value::Object(_) | Value::Array(_) => {
            let text = short(value);
            (text.chars().count() <= 60).then_some(text)
        }
        _ => Some(short(value)),
    }
}

/// A value on one line, shortened: `{by: 5, to: f01001}`.
pub fn short(value: &Value) -> String {
    let mut text = String::new();
    write_short(value, &mut text);
    if text.chars().count() > MAX_SHOWN {
        let length = text.chars().count();
        text = text.chars().take(MAX_SHOWN).collect();
        text.push_str(&format!("… ({length} characters, whole with --json)"));
    }
    text
}

fn write_short(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            // Plain words need no quotes; what could be mistaken does.
            let plain = !text.is_empty()
                && !text.contains(|c: char| c.is_control() || "{}[],\"".contains(c))
                && text.trim() == text;
            match plain {
                true => out.push_str(text),
                false => out.push_str(&Value::from(text.as_str()).to_string()),
            }
        }
        Value::Array(values) => {
            out.push('[');
            for (position, value) in values.iter().enumerate() {
                out.push_str(if position == 0 { "" } else { ", " });
                write_short(value, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (position, (key, value)) in object.iter().enumerate() {
                out.push_str(if position == 0 { "" } else { ", " });
                out.push_str(key);
                out.push_str(": ");
                write_short(value, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Prints rows in aligned columns under a head; the last column is not padded.
pub fn table(head: &[&str], rows: Vec<Vec<String>>) {
    for (number, line) in table_lines(head, &rows).iter().enumerate() {
        match number {
            0 => say!("{}", style(line).bold()),
            _ => say!("{line}"),
        }
    }
}

fn table_lines(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    all()
        .map(|row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                let gap = width.saturating_sub(cell.chars().count()) + 2;
                line.extend(std::iter::repeat_n(' ', gap));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// A number with its thousands set apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
    grouped_text(&number.to_string())
}

/// The same for a number of any size, written in decimal digits.
pub fn grouped_text(digits: &str) -> String {
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(value: &Value) -> String {
        console::set_colors_enabled(false);
        lines(value).join("\n")
    }

    #[test]
    fn small_values_stay_on_a_line_and_large_ones_are_indented() {
        let value = json!({
            "owner": "f01001",
            "pair": {"a": 1, "b": null},
            "list": [{"name": "x".repeat(40), "other": "y".repeat(40)}, [1, 2]],
            "none": {},
            "text": "with, comma",
        });
        let expected = format!(
            "owner: f01001\npair: {{a: 1, b: null}}\nlist:\n  - name: {}\n    other: {}\n  - [1, 2]\nnone: {{}}\ntext: \"with, comma\"",
            "x".repeat(40),
            "y".repeat(40),
        );
        assert_eq!(plain(&value), expected);
        assert_eq!(plain(&json!(5)), "5");
        assert_eq!(plain(&json!([])), "[]");
    }

    #[test]
    fn long_values_are_cut_with_a_word_about_it() {
        let text = short(&json!("0".repeat(1_000)));
        assert!(
            text.ends_with("… (1000 characters, whole with --json)"),
            "{text}"
        );
    }

    #[test]
    fn what_others_wrote_cannot_command_the_terminal() {
        assert_eq!(printable("a\nb ✓"), "a\nb ✓");
        assert_eq!(
            printable("\u{1b}[2J\u{9b}\u{202e}"),
            "\\u{1b}[2J\\u{9b}\\u{202e}"
        );
        let value = json!({"\u{1b}]0;": ["\u{7f}"]});
        assert!(
            !plain(&value).contains(|c: char| c.is_control()),
            "{}",
            plain(&value)
        );
    }

    #[test]
    fn columns_of_tables_are_aligned() {
        let rows =
            [["1", "f01000", "x"], ["100", "f0", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table_lines(&["number", "to", "é"], &rows),
            ["number  to      é", "1       f01000  x", "100     f0"]
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
