//! `message!`: a struct written down as Kafka's own definitions are, field by field in the order of the wire,
//! each with the versions that have it. Never knows one message from another.

/// ```text
/// name: Type;                               in every version
/// name: Type [9..] = -1;                    since version 9; -1 before
/// name: Option<Type> [.., nullable 7..];    in every version; not null before version 7
/// ```
/// Where a version does not allow null, null is refused when read, and written as the empty value.
macro_rules! message {
    (@default $type:ty) => { <$type as Default>::default() };
    (@default $type:ty, $default:expr) => { $default };
    (@has $version:expr) => { true };
    (@has $version:expr, $versions:expr) => {
        std::ops::RangeBounds::<i16>::contains(&($versions), &$version)
    };
    ($(
        $(#[$struct_note:meta])*
        struct $name:ident {
            $(
                $(#[$note:meta])*
                $field:ident: $type:ty $([$versions:expr $(, nullable $nullable:expr)?])? $(= $default:expr)?;
            )*
        }
    )+) => {$(
        $(#[$struct_note])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$note])* pub $field: $type,)*
        }

        // Not derived: some defaults are the format's own.
        #[allow(clippy::derivable_impls)]
        impl Default for $name {
            fn default() -> $name {
                $name { $($field: message!(@default $type $(, $default)?),)* }
            }
        }

        // Not every message differs between versions, or has fields at all.
        #[allow(unused_variables, unused_mut)]
        impl super::field::Field for $name {
            fn bytes_min(version: i16, flexible: bool) -> usize {
                // A flexible struct ends in the count of its tagged fields.
                let mut bytes_min = usize::from(flexible);
                $(if message!(@has version $(, $versions)?) {
                    bytes_min += <$type as super::field::Field>::bytes_min(version, flexible);
                })*
                bytes_min
            }

            fn read(reader: &mut super::reader::Reader) -> Result<$name, super::error::ProtocolError> {
                let version = reader.version();
                let mut message = $name::default();
                $(if message!(@has version $(, $versions)?) {
                    reader.enter(concat!(stringify!($name), ".", stringify!($field)));
                    message.$field = super::field::Field::read(reader)?;
                    $($(
                        let is_null = super::field::Field::is_null(&message.$field);
                        if is_null && !message!(@has version, $nullable) {
                            return Err(super::error::ProtocolError::Null { field: reader.field() });
                        }
                    )?)?
                })*
                reader.tagged_fields()?;
                Ok(message)
            }

            fn write(&self, writer: &mut super::writer::Writer<'_>) {
                let version = writer.version();
                $(if message!(@has version $(, $versions)?) {
                    writer.enter(concat!(stringify!($name), ".", stringify!($field)));
                    let value = &self.$field;
                    $($(
                        let empty = super::field::Field::empty();
                        let is_null = super::field::Field::is_null(value);
                        let is_allowed = !is_null || message!(@has version, $nullable);
                        let value = if is_allowed { value } else { &empty };
                    )?)?
                    super::field::Field::write(value, writer);
                })*
                writer.tagged_fields();
            }
        }
    )+};
}
pub(super) use message;
