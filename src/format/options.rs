//! A topic's properties, as its declaration has them: VoltDB's names, which are told apart without regard to
//! case. What VoltDB has and this product has not is refused, and so is what neither has.

use super::error::FormatError;

/// How a key or a value is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Csv,
    Json,
    Avro,
}

/// What a topic's properties say of its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Of the values that leave: `topic.format`, `consumer.format`, `consumer.format.value`.
    pub value_format: Format,
    /// Of the keys that leave: `topic.format`, `consumer.format`, `consumer.format.key`.
    pub key_format: Format,
    /// Of the values that arrive: `topic.format`, `producer.format.value`.
    pub input_format: Format,
    /// The key that arrives is the first parameter: `producer.parameters.includeKey`.
    pub include_key: bool,
    /// Columns of the key that leaves, instead of the stream's: `consumer.keys`, `consumer.key`.
    pub key_columns: Option<Vec<String>>,
    /// Columns of the value that leaves, instead of all: `consumer.values`, `consumer.value`.
    pub value_columns: Option<Vec<String>>,
    pub csv: CsvOptions,
    pub avro: AvroOptions,
}

/// `config.csv.…`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    pub separator: u8,
    pub quote: u8,
    /// What stands before a quote, or before itself, in a quoted field. `None`: a quote is doubled.
    pub escape: Option<u8>,
    /// What stands for NULL, unquoted. `None`: nothing at all; `\N` is read as well.
    pub null: Option<String>,
    /// Text that arrives unquoted is refused.
    pub strict_quotes: bool,
    /// Blanks around a field that arrives do not belong to it.
    pub ignore_blanks: bool,
    /// Everything that leaves is quoted, but for NULL.
    pub quote_all: bool,
}

impl Default for CsvOptions {
    fn default() -> CsvOptions {
        CsvOptions {
            separator: b',',
            quote: b'"',
            escape: None,
            null: None,
            strict_quotes: false,
            ignore_blanks: true,
            quote_all: false,
        }
    }
}

/// `config.avro.…`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvroOptions {
    /// Of the records that leave: `config.avro.timestamp`.
    pub timestamp: AvroTimestamp,
    /// Of the records' names: `config.avro.namespace`.
    pub namespace: Option<String>,
}

/// What a TIMESTAMP counts in Avro.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AvroTimestamp {
    #[default]
    Microseconds,
    /// What is finer is cut off.
    Milliseconds,
}

/// Properties that others read: what becomes of messages that fail.
const READ_ELSEWHERE: [&str; 1] = ["on_error"];

/// What VoltDB has, and why it is not here.
const UNSUPPORTED: [(&str, &str); 9] = [
    ("config.json.schema", "objects have the columns' names and no schema"),
    ("config.json.producer.attributes", "an object has one member for each parameter"),
    ("config.json.consumer.attributes", "an object has one member for each column"),
    ("config.avro.geographypoint", "there are no columns of type GEOGRAPHY_POINT"),
    ("config.avro.geography", "there are no columns of type GEOGRAPHY"),
    ("opaque.partitioned", "an opaque topic has no properties; CREATE OPAQUE PARTITIONED TOPIC"),
    ("producer.format", "only values have a format, a key is plain text; producer.format.value"),
    ("producer.format.key", "a key that arrives is plain text"),
    ("config.csv.blank", "a blank field is NULL, or the text of config.csv.null is"),
];

impl Options {
    /// Of all properties of a topic.
    pub fn parse(properties: &[(String, String)]) -> Result<Options, FormatError> {
        let mut options = Options::default();
        let mut formats = Formats::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in properties {
            let folded = name.to_ascii_lowercase();
            if seen.contains(&folded) {
                return Err(FormatError::Twice { name: name.clone() });
            }
            let property = Property { name, value: value.trim(), untrimmed: value };
            if !formats.take(&folded, &property)? && !options.take(&folded, &property)? {
                return Err(refused(&folded, name));
            }
            seen.push(folded);
        }
        let of_consumer = formats.consumer.or(formats.topic).unwrap_or_default();
        options.value_format = formats.consumer_value.unwrap_or(of_consumer);
        options.key_format = formats.consumer_key.unwrap_or(of_consumer);
        options.input_format = formats.producer_value.or(formats.topic).unwrap_or_default();
        options.csv.check()?;
        Ok(options)
    }

    /// False: there is no such property.
    fn take(&mut self, folded: &str, property: &Property<'_>) -> Result<bool, FormatError> {
        match folded {
            "producer.parameters.includekey" => self.include_key = property.flag()?,
            "consumer.keys" | "consumer.key" => self.key_columns = Some(property.columns()?),
            "consumer.values" | "consumer.value" => self.value_columns = property.columns_or_all()?,
            "config.csv.separator" => self.csv.separator = property.character()?,
            "config.csv.quote" => self.csv.quote = property.character()?,
            "config.csv.escape" => self.csv.escape = Some(property.character()?),
            "config.csv.null" => self.csv.null = Some(property.value.to_owned()),
            "config.csv.strictquotes" => self.csv.strict_quotes = property.flag()?,
            "config.csv.ignoreleadingwhitespace" => self.csv.ignore_blanks = property.flag()?,
            "config.csv.quoteall" => self.csv.quote_all = property.flag()?,
            "config.avro.timestamp" => self.avro.timestamp = property.avro_timestamp()?,
            "config.avro.namespace" => self.avro.namespace = Some(property.namespace()?),
            // Rows have no columns but those declared: there is nothing to skip or to show.
            "consumer.skip.internals" if property.flag()? => {}
            // No row fails to be written.
            "consumer.skip.errors" => drop(property.flag()?),
            // Rows are kept as rows.
            "topic.store.encoded" if !property.flag()? => {}
            "consumer.skip.internals" => {
                return Err(property.unsupported("rows have no columns but those declared"));
            }
            "topic.store.encoded" => return Err(property.unsupported("rows are kept as rows")),
            _ => return Ok(READ_ELSEWHERE.contains(&folded)),
        }
        Ok(true)
    }
}

fn refused(folded: &str, name: &str) -> FormatError {
    match UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == folded) {
        Some((_, reason)) => FormatError::Unsupported { name: name.to_owned(), reason },
        None => FormatError::UnknownProperty { name: name.to_owned() },
    }
}

/// The properties of formats as far as they are given: the narrower ones hold.
#[derive(Default)]
struct Formats {
    topic: Option<Format>,
    consumer: Option<Format>,
    consumer_key: Option<Format>,
    consumer_value: Option<Format>,
    producer_value: Option<Format>,
}

impl Formats {
    fn take(&mut self, folded: &str, property: &Property<'_>) -> Result<bool, FormatError> {
        let place = match folded {
            "topic.format" => &mut self.topic,
            "consumer.format" => &mut self.consumer,
            "consumer.format.key" => &mut self.consumer_key,
            "consumer.format.value" => &mut self.consumer_value,
            "producer.format.value" => &mut self.producer_value,
            _ => return Ok(false),
        };
        *place = Some(property.format()?);
        Ok(true)
    }
}

/// One property, as written.
struct Property<'a> {
    name: &'a str,
    value: &'a str,
    /// A separator may be a blank.
    untrimmed: &'a str,
}

impl Property<'_> {
    fn wrong(&self, expected: &'static str) -> FormatError {
        FormatError::Value { name: self.name.to_owned(), value: self.untrimmed.to_owned(), expected }
    }

    fn unsupported(&self, reason: &'static str) -> FormatError {
        FormatError::Unsupported { name: self.name.to_owned(), reason }
    }

    fn flag(&self) -> Result<bool, FormatError> {
        match self.value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    fn format(&self) -> Result<Format, FormatError> {
        match self.value.to_ascii_lowercase().as_str() {
            "csv" => Ok(Format::Csv),
            "json" => Ok(Format::Json),
            "avro" => Ok(Format::Avro),
            _ => Err(self.wrong("csv, json or avro")),
        }
    }

    fn avro_timestamp(&self) -> Result<AvroTimestamp, FormatError> {
        match self.value.to_ascii_lowercase().as_str() {
            "microseconds" => Ok(AvroTimestamp::Microseconds),
            "milliseconds" => Ok(AvroTimestamp::Milliseconds),
            _ => Err(self.wrong("microseconds or milliseconds")),
        }
    }

    fn namespace(&self) -> Result<String, FormatError> {
        let is_name = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if self.value.split('.').all(is_name) {
            return Ok(self.value.to_owned());
        }
        Err(self.wrong("names of letters, digits and _, joined by points"))
    }

    /// One character of ASCII; a tabulator may be written `\t`.
    fn character(&self) -> Result<u8, FormatError> {
        if self.value == "\\t" {
            return Ok(b'\t');
        }
        match self.untrimmed.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
            _ => Err(self.wrong("one ASCII character, no end of line")),
        }
    }

    fn columns(&self) -> Result<Vec<String>, FormatError> {
        let columns: Vec<String> = self.value.split(',').map(|name| name.trim().to_owned()).collect();
        if columns.iter().any(String::is_empty) {
            return Err(self.wrong("names of columns with commas between"));
        }
        Ok(columns)
    }

    /// `*`: all of them.
    fn columns_or_all(&self) -> Result<Option<Vec<String>>, FormatError> {
        if self.value == "*" { Ok(None) } else { self.columns().map(Some) }
    }
}

impl CsvOptions {
    /// Whether what is written with these can be read again.
    fn check(&self) -> Result<(), FormatError> {
        let wrong = |name: &str, value: String, expected| {
            Err(FormatError::Value { name: format!("config.csv.{name}"), value, expected })
        };
        let shown = |byte: u8| char::from(byte).to_string();
        let is_of_numbers = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:".contains(&byte);
        if is_of_numbers(self.separator) {
            return wrong("separator", shown(self.separator), "a character that no number has");
        }
        if self.quote == self.separator || is_of_numbers(self.quote) || b" \t".contains(&self.quote) {
            return wrong(
                "quote",
                shown(self.quote),
                "another character than the separator, blanks and numbers",
            );
        }
        if let Some(escape) = self.escape
            && (escape == self.separator || is_of_numbers(escape) || b" \t".contains(&escape))
        {
            return wrong(
                "escape",
                shown(escape),
                "another character than the separator, blanks and numbers",
            );
        }
        let Some(null) = &self.null else { return Ok(()) };
        let is_special = |byte: u8| byte == self.separator || byte == self.quote || b"\r\n".contains(&byte);
        if null.bytes().any(is_special) || null.trim_matches([' ', '\t']) != null {
            return wrong(
                "null",
                null.clone(),
                "a text without separators, quotes, blanks around, ends of lines",
            );
        }
        Ok(())
    }

    /// The text of NULL; empty unless it is configured.
    pub(super) fn null_text(&self) -> &str {
        self.null.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(properties: &[(&str, &str)]) -> Result<Options, String> {
        let owned: Vec<_> =
            properties.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Options::parse(&owned).map_err(|error| error.to_string())
    }

    #[test]
    fn the_narrower_format_holds() {
        let options = parse(&[("topic.format", "avro"), ("consumer.keys", "TRIP_ID, b")]).unwrap();
        let formats = (options.value_format, options.key_format, options.input_format);
        assert_eq!(formats, (Format::Avro, Format::Avro, Format::Avro));
        assert_eq!(options.key_columns, Some(vec!["TRIP_ID".to_owned(), "b".to_owned()]));

        let options = parse(&[
            ("consumer.format.key", "csv"),
            ("consumer.format", "JSON"),
            ("topic.format", "avro"),
            ("producer.format.value", "csv"),
            ("Producer.Parameters.includeKey", "true"),
        ]);
        let options = options.unwrap();
        let formats = (options.value_format, options.key_format, options.input_format);
        assert_eq!(formats, (Format::Json, Format::Csv, Format::Csv));
        assert!(options.include_key);
    }

    #[test]
    fn csv_and_the_rest() {
        let options = parse(&[
            ("config.csv.separator", "\\t"),
            ("config.csv.quote", "'"),
            ("config.csv.escape", "\\"),
            ("config.csv.null", "\\N"),
            ("config.csv.strictQuotes", "TRUE"),
            ("config.csv.ignoreLeadingWhitespace", "false"),
            ("config.csv.quoteAll", "true"),
            ("config.avro.timestamp", "milliseconds"),
            ("config.avro.namespace", "com.example"),
            ("consumer.skip.internals", "true"),
            ("topic.store.encoded", "false"),
            ("consumer.value", "*"),
            ("on_error", "dlq"),
        ]);
        let options = options.unwrap();
        let expected = CsvOptions {
            separator: b'\t',
            quote: b'\'',
            escape: Some(b'\\'),
            null: Some("\\N".to_owned()),
            strict_quotes: true,
            ignore_blanks: false,
            quote_all: true,
        };
        assert_eq!(options.csv, expected);
        assert_eq!(options.avro.timestamp, AvroTimestamp::Milliseconds);
        assert_eq!(options.avro.namespace.as_deref(), Some("com.example"));
        assert_eq!(options.value_columns, None);
        assert_eq!(parse(&[("config.csv.separator", " ")]).map(|o| o.csv.separator), Ok(b' '));
    }

    #[test]
    fn refusals_name_the_property() {
        let check = |name: &str, value: &str, expected: &str| {
            assert_eq!(parse(&[(name, value)]), Err(format!("property {name}: {expected}")));
        };
        check("topic.frmat", "csv", "there is no such property");
        check("topic.format", "xml", "\"xml\" is not csv, json or avro");
        check("producer.parameters.includeKey", "1", "\"1\" is not true or false");
        check("config.csv.separator", ",,", "\",,\" is not one ASCII character, no end of line");
        check("config.csv.separator", "1", "\"1\" is not a character that no number has");
        check("config.csv.separator", "é", "\"é\" is not one ASCII character, no end of line");
        check(
            "consumer.skip.internals",
            "false",
            "it is not supported (rows have no columns but those declared)",
        );
        check("topic.store.encoded", "true", "it is not supported (rows are kept as rows)");
        check(
            "config.json.schema",
            "x",
            "it is not supported (objects have the columns' names and no schema)",
        );
        check("consumer.keys", "a,,b", "\"a,,b\" is not names of columns with commas between");
        assert!(parse(&[("config.csv.null", "a,b")]).is_err());
        assert!(parse(&[("config.csv.quote", ",")]).is_err());
        assert_eq!(
            parse(&[("topic.format", "csv"), ("TOPIC.FORMAT", "csv")]),
            Err("property TOPIC.FORMAT: it is given twice".to_owned())
        );
    }
}
