//! The text format that Prometheus reads (version 0.0.4).

use std::fmt::{Display, Write as _};

use super::names::Name;
use crate::meter::{Buckets, Reading};

/// What a metric is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The text under way.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    /// The metric whose samples follow.
    name: &'static str,
}

/// Labels of one sample, ready: `a="b",c="d"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Labels(String);

impl Labels {
    /// These.
    pub(super) fn of(labels: &[(&str, &str)]) -> Self {
        let none = Self::default();
        labels
            .iter()
            .fold(none, |all, (name, value)| all.and(name, value))
    }

    /// With one more.
    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{name}=\"");
        for letter in value.chars() {
            match letter {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        self.0.push('"');
        self
    }
}

impl Text {
    /// The samples that follow are of this metric.
    pub(super) fn metric(&mut self, Name(name, help): Name, kind: Kind) -> &mut Self {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.name = name;
        self
    }

    /// One sample.
    pub(super) fn sample(&mut self, labels: &Labels, value: impl Display) -> &mut Self {
        self.suffixed("", labels, value);
        self
    }

    /// One histogram.
    pub(super) fn histogram(&mut self, labels: &Labels, buckets: &Buckets, reading: &Reading) {
        let bounds = buckets.seconds().iter().map(ToString::to_string);
        let bounds = bounds.chain(std::iter::once("+Inf".to_owned()));
        for (bound, count) in bounds.zip(&reading.cumulative) {
            self.suffixed("_bucket", &labels.clone().and("le", &bound), count);
        }
        self.suffixed("_sum", labels, reading.micros as f64 / 1e6);
        self.suffixed("_count", labels, reading.count());
    }

    fn suffixed(&mut self, suffix: &str, Labels(labels): &Labels, value: impl Display) {
        let name = self.name;
        let _ = match labels.as_str() {
            "" => writeln!(self.text, "{name}{suffix} {value}"),
            labels => writeln!(self.text, "{name}{suffix}{{{labels}}} {value}"),
        };
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{Block, Span};

    #[test]
    fn samples_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        let labels = Labels::of(&[("a", "b\"\\\n"), ("c", "d")]);
        text.metric(Name("n", "Help."), Kind::Gauge).sample(&labels, 7);
        let buckets = Buckets::new(&[0.1, 5.0]).unwrap();
        let block = Block::new(Span::width(&buckets));
        Span::at(0).observe(&block, &buckets, 1_500_000);
        let reading = Span::at(0).read(&block, &buckets);
        text.metric(Name("h", "H."), Kind::Histogram)
            .histogram(&Labels::default(), &buckets, &reading);
        assert_eq!(
            text.finish(),
            "# HELP n Help.\n# TYPE n gauge\nn{a=\"b\\\"\\\\\\n\",c=\"d\"} 7\n\
             # HELP h H.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 0\nh_bucket{le=\"5\"} 1\n\
             h_bucket{le=\"+Inf\"} 1\nh_sum 1.5\nh_count 1\n"
        );
    }
}
