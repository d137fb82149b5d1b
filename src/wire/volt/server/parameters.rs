//! The parameters of calls that a client makes to every partition. Whatever the procedure, the client puts a
//! key in front that says which partition it means, and names the partition besides: a directed procedure
//! does not know that key, and one of its own key may be given a key of a type that belongs elsewhere.

use crate::{
    call::Target,
    gate::{Gate, Refusal, partition_of},
    wire::volt::invocation::Invocation,
};
use tollgate_procedures::{
    Kind,
    parameter::{Parameter, ParameterError},
    registry::ProcedureId,
};
use tollgate_schema::{
    codec::{ParamReader, ParamWriter},
    ring::{KeyKind, Ring},
    types::Type,
};

/// What the procedure gets.
pub(super) enum Adapted {
    AsSent,
    /// The set begins so many bytes later, with this count where the key's last bytes were.
    From {
        bytes: u32,
        count: i16,
    },
    /// Another set.
    Replaced(Vec<u8>),
}

/// Where a call runs, and with which parameters.
pub(super) fn adapt(
    gate: &Gate,
    id: ProcedureId,
    call: &Invocation<'_>,
) -> Result<(Target, Adapted), Refusal> {
    let procedure = &gate.registry().get(id).procedure;
    match (procedure.kind, call.destination) {
        (Kind::Single { parameter: 0 }, Some(number)) if call.all_partitions => {
            let partition = u16::try_from(number).ok().filter(|&p| p < gate.ring().partitions());
            let partition = partition.ok_or(Refusal::NoSuchPartition(number))?;
            let adapted = with_key_of(gate.ring(), partition, &procedure.parameters[0], call.params)?;
            Ok((Target::Partition(partition), adapted))
        }
        (Kind::Directed, _) => {
            let target = gate.target(id, call.params, call.destination)?;
            Ok((target, without_key(procedure.parameters.len(), call.params)?))
        }
        _ => Ok((gate.target(id, call.params, call.destination)?, Adapted::AsSent)),
    }
}

/// The key in front of a directed procedure's own parameters, if it is there, goes.
fn without_key(own: usize, params: &[u8]) -> Result<Adapted, Refusal> {
    let mut reader = ParamReader::new(params).map_err(ParameterError::from)?;
    if reader.total() != own + 1 {
        return Ok(Adapted::AsSent);
    }
    reader.next_param().map_err(ParameterError::from)?;
    // The new count takes the place of the key's last two bytes; with the old count in front there are at
    // least two.
    let bytes = (params.len() - reader.rest().len() - 2) as u32;
    Ok(Adapted::From { bytes, count: own as i16 })
}

/// A key of another partition gives way to one of this partition, of the type that the procedure declares.
fn with_key_of(ring: &Ring, partition: u16, key: &Parameter, params: &[u8]) -> Result<Adapted, Refusal> {
    let mut reader = ParamReader::new(params).map_err(ParameterError::from)?;
    let Some(raw) = reader.next_param().map_err(ParameterError::from)? else { return Ok(Adapted::AsSent) };
    if partition_of(ring, key.column_type, &raw) == Ok(partition) {
        return Ok(Adapted::AsSent);
    }
    let of_kind = |kind| ring.keys(kind)[usize::from(partition)];
    let mut first = Vec::new();
    let mut writer = ParamWriter::new(&mut first);
    match key.column_type {
        Type::Varchar { .. } => writer.put_str(&of_kind(KeyKind::Varchar).to_string()),
        Type::Varbinary { .. } => writer.put_bytes(&of_kind(KeyKind::Varbinary).to_be_bytes()),
        _ => writer.put_i32(of_kind(KeyKind::Integer)),
    };
    writer.finish();
    first[..2].copy_from_slice(&params[..2]);
    first.extend_from_slice(reader.rest());
    Ok(Adapted::Replaced(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use tollgate_schema::{codec::RawParam, types::VARCHAR_DEFAULT, value::Value};

    fn set(values: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = ParamWriter::new(&mut bytes);
        for value in values {
            writer.put_value(value);
        }
        writer.finish();
        bytes
    }

    fn parameter(column_type: Type) -> Parameter {
        Parameter { name: "key".into(), column_type, nullable: false }
    }

    /// Whatever key was sent, the one that arrives belongs to the partition, and the rest is as it was.
    #[test]
    fn the_key_that_arrives_belongs_to_the_partition() {
        let ring = Ring::new(7);
        let mut rng = SmallRng::seed_from_u64(3);
        for _ in 0..2000 {
            let types =
                [Type::SmallInt, Type::Integer, Type::BigInt, VARCHAR_DEFAULT, Type::Varbinary { max: 20 }];
            let key = parameter(types[rng.random_range(0..types.len())]);
            let sent = match rng.random_range(0..4) {
                0 => Value::Varchar(rng.random_range(0..500).to_string()),
                1 => Value::Varbinary(rng.random::<[u8; 4]>().to_vec()),
                2 => Value::Null,
                _ => Value::Integer(rng.random_range(-500..500)),
            };
            let rest = [Value::Varchar("rest".into()), Value::BigInt(rng.random_range(0..9))];
            let values = [&[sent][..], &rest[..rng.random_range(0..3)]].concat();
            let (params, partition) = (set(&values), rng.random_range(0..7));
            let arrives = match with_key_of(&ring, partition, &key, &params).expect("a set") {
                Adapted::AsSent => params,
                Adapted::Replaced(params) => params,
                Adapted::From { .. } => panic!("the key stays"),
            };
            let mut reader = ParamReader::new(&arrives).expect("a set");
            let first = reader.next_param().expect("a parameter").expect("the key");
            assert_eq!(partition_of(&ring, key.column_type, &first), Ok(partition), "{values:?} as {key:?}");
            for value in &values[1..] {
                let raw = reader.next_param().expect("a parameter").expect("as many as before");
                assert_eq!(raw.to_value().as_ref(), Some(value));
            }
            reader.finish().expect("no more than before");
        }
    }

    #[test]
    fn a_directed_procedure_gets_its_own_parameters() {
        let params = set(&[Value::Integer(300), Value::Varchar("own".into())]);
        let Ok(Adapted::From { bytes, count }) = without_key(1, &params) else { panic!("a key is in front") };
        let mut own = params[bytes as usize..].to_vec();
        own[..2].copy_from_slice(&count.to_be_bytes());
        let mut reader = ParamReader::new(&own).expect("a set");
        assert_eq!(reader.next_param(), Ok(Some(RawParam::Varchar("own"))));
        assert!(matches!(without_key(2, &params), Ok(Adapted::AsSent)));
    }
}
