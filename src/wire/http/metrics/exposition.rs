//! Prometheus' text format: families of samples, each with its help and type.

use std::fmt::{Display, Write};

/// A text that is being written.
#[derive(Default)]
pub(super) struct Exposition {
    text: String,
}

/// A metric's name, type and help stand in front of its samples, once.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Exposition {
    pub(super) fn counter<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        debug_assert!(name.ends_with("_total"), "a counter's name says so");
        self.family(name, "counter", help)
    }

    pub(super) fn gauge<'a>(&'a mut self, name: &'a str, help: &str) -> Family<'a> {
        self.family(name, "gauge", help)
    }

    fn family<'a>(&'a mut self, name: &'a str, kind: &str, help: &str) -> Family<'a> {
        debug_assert!(!help.contains(['\\', '\n']), "help is one plain line");
        write_line(&mut self.text, format_args!("# HELP {name} {help}"));
        write_line(&mut self.text, format_args!("# TYPE {name} {kind}"));
        Family { text: &mut self.text, name }
    }

    /// A histogram: how many observations were at most as large as each bound, then all of them, and their
    /// sum.
    pub(super) fn histogram(&mut self, name: &str, help: &str, buckets: &[(f64, u64)], count: u64, sum: f64) {
        let text = &mut self.text;
        write_line(text, format_args!("# HELP {name} {help}"));
        write_line(text, format_args!("# TYPE {name} histogram"));
        for (bound, below) in buckets {
            write_line(text, format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        write_line(text, format_args!("{name}_bucket{{le=\"+Inf\"}} {count}"));
        write_line(text, format_args!("{name}_sum {sum}"));
        write_line(text, format_args!("{name}_count {count}"));
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// The only sample.
    pub(super) fn value(self, value: impl Display) {
        write_line(self.text, format_args!("{} {value}", self.name));
    }

    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.name);
        for (n, (name, label)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            let escaped = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(self.text, "{before}{name}=\"{escaped}\"").expect("a String takes everything");
        }
        write_line(self.text, format_args!("}} {value}"));
    }
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a String takes everything");
    text.push('\n');
}
