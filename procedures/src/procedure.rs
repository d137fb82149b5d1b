//! What a procedure is: a name, typed parameters, where it runs, and its code. A plain function becomes one:
//!
//! ```ignore
//! fn top_up(tx: &mut Tx<'_>, card_id: i32, amount: i32) -> Result<i64, Abort> { … }
//! Procedure::single("TopUp", ["card_id", "amount"], top_up)
//! ```

use crate::{
    abort::Abort,
    parameter::{FromParameter, Parameter, ParameterError},
    results::{Results, ToResults},
    transaction::{MultiTx, RULES_MAX, Tx},
};
use tollgate_schema::{
    catalog::TableId,
    codec::params::{ParamError, ParamReader},
    store::{GroupAhead, Store},
};

/// Where a procedure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In the partition that this parameter (position from 0) belongs to. Rows that belong to another
    /// partition, and replicated tables, are not its to write: the transaction is rolled back.
    Single { parameter: usize },
    /// In whatever partition the caller names.
    Directed,
    /// In any one partition, for it reads replicated tables only.
    Anywhere,
    /// In all partitions at once, one such transaction at a time. It writes each row in the partition it
    /// belongs to, and replicated tables in all.
    Multi,
}

type SingleCode = Box<dyn Fn(&mut Tx<'_>, &[u8], &mut Results<'_>) -> Result<(), Abort> + Send + Sync>;
type MultiCode = Box<dyn Fn(&mut MultiTx<'_>, &[u8], &mut Results<'_>) -> Result<(), Abort> + Send + Sync>;

/// Looks, some calls before its turn, at what a call with these parameters will do, and asks for the strings
/// of rows and the group of a view that it needs then. Changes no answer: a wrong guess costs time. `base`:
/// the first table of the procedure's schema.
pub type Foresee = fn(store: &Store, base: TableId, parameters: &[u8]) -> Option<GroupAhead>;

/// The code of a procedure; its parameters arrive as the bytes the caller sent.
pub enum Code {
    Single(SingleCode),
    Multi(MultiCode),
}

/// A compiled procedure.
pub struct Procedure {
    /// Looked up exactly first, then without regard to case.
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub kind: Kind,
    /// Writes by a read-only procedure abort it.
    pub read_only: bool,
    /// Only the server's own front ends call it: to a client it is not there.
    pub internal: bool,
    /// Tables whose rows of the partitioning key it looks at, if the key is one integer.
    pub touches: Vec<String>,
    /// What else a call will look at, seen from those rows.
    pub foresee: Option<Foresee>,
    /// Names of its rules: bit n of [`Decision::rules`](crate::transaction::Decision) is the n-th.
    pub rules: Vec<String>,
    pub code: Code,
}

impl Procedure {
    /// A procedure that writes, has no rules and says nothing of what it will look at.
    pub(crate) fn new(name: &str, parameters: Vec<Parameter>, kind: Kind, code: Code) -> Procedure {
        Procedure {
            name: name.to_string(),
            parameters,
            kind,
            read_only: false,
            internal: false,
            touches: Vec::new(),
            foresee: None,
            rules: Vec::new(),
            code,
        }
    }

    /// A procedure of one partition: the one its first parameter belongs to, unless
    /// [`Procedure::partitioned_by`] says otherwise. `names` are the parameters' names, in order.
    pub fn single<Args, F, const N: usize>(name: &str, names: [&str; N], code: F) -> Procedure
    where
        F: Handler<Args, N>,
    {
        let code = Code::Single(code.into_code(name.to_string(), names.map(str::to_string)));
        Procedure::new(name, F::parameters(names), Kind::Single { parameter: 0 }, code)
    }

    /// A procedure of whatever partition the caller names.
    pub fn directed<Args, F, const N: usize>(name: &str, names: [&str; N], code: F) -> Procedure
    where
        F: Handler<Args, N>,
    {
        Procedure { kind: Kind::Directed, ..Procedure::single(name, names, code) }
    }

    /// A procedure of all partitions.
    pub fn multi<Args, F, const N: usize>(name: &str, names: [&str; N], code: F) -> Procedure
    where
        F: MultiHandler<Args, N>,
    {
        let code = Code::Multi(code.into_code(name.to_string(), names.map(str::to_string)));
        Procedure::new(name, F::parameters(names), Kind::Multi, code)
    }

    /// The position of the parameter that decides the partition.
    pub fn partitioned_by(mut self, parameter: usize) -> Procedure {
        assert!(parameter < self.parameters.len(), "{} has no parameter {parameter}", self.name);
        self.kind = Kind::Single { parameter };
        self
    }

    /// Names the tables whose rows of the partitioning key the procedure looks at, so that they are on their
    /// way from memory before it runs. Changes no answer, only the time it takes.
    pub fn touching<const N: usize>(mut self, tables: [&str; N]) -> Procedure {
        self.touches = tables.map(str::to_string).to_vec();
        self
    }

    /// Says what a call will look at beyond [`Procedure::touching`].
    pub fn foreseeing(mut self, foresee: Foresee) -> Procedure {
        self.foresee = Some(foresee);
        self
    }

    /// Names the rules it decides by, in the order of the bits in its decisions: under these names operators
    /// see how often each hit.
    pub fn deciding_by<const N: usize>(mut self, rules: [&str; N]) -> Procedure {
        assert!(N <= RULES_MAX, "{} has {N} rules, a decision tells {RULES_MAX} apart", self.name);
        self.rules = rules.map(str::to_string).to_vec();
        self
    }

    /// For the server's own front ends only.
    pub(crate) fn internal(mut self) -> Procedure {
        self.internal = true;
        self
    }

    /// Promises that it only reads.
    pub fn read_only(mut self) -> Procedure {
        self.read_only = true;
        self
    }
}

/// A function of a transaction and up to twelve parameters.
pub trait Handler<Args, const N: usize>: Send + Sync + 'static {
    fn parameters(names: [&str; N]) -> Vec<Parameter>;
    fn into_code(self, procedure: String, names: [String; N]) -> SingleCode;
}

/// The same over all partitions.
pub trait MultiHandler<Args, const N: usize>: Send + Sync + 'static {
    fn parameters(names: [&str; N]) -> Vec<Parameter>;
    fn into_code(self, procedure: String, names: [String; N]) -> MultiCode;
}

/// Reads the parameters of one call, in order.
struct Arguments<'a> {
    reader: ParamReader<'a>,
    names: &'a [String],
}

impl<'a> Arguments<'a> {
    #[inline]
    fn open(procedure: &str, names: &'a [String], bytes: &'a [u8]) -> Result<Arguments<'a>, ParameterError> {
        let reader = ParamReader::new(bytes)?;
        if reader.total() != names.len() {
            return Err(ParameterError::count(procedure, names.len(), reader.total()));
        }
        Ok(Arguments { reader, names })
    }

    #[inline]
    fn take<T: FromParameter>(&mut self) -> Result<T, ParameterError> {
        let mut quick = self.reader;
        if let Some(value) = quick.take_integer().and_then(T::from_integer) {
            self.reader = quick;
            return Ok(value);
        }
        self.take_any()
    }

    #[inline(never)]
    fn take_any<T: FromParameter>(&mut self) -> Result<T, ParameterError> {
        let position = self.reader.position();
        let raw = self.reader.next_param()?.expect("open counted them");
        T::from_parameter(&raw)
            .map_err(|reason| ParameterError::value(&self.names[position], position, reason))
    }
}

impl From<ParamError> for ParameterError {
    fn from(error: ParamError) -> ParameterError {
        ParameterError::Malformed(error)
    }
}

macro_rules! handlers {
    ($n:literal; $($arg:ident),*) => {
        impl<F, R, $($arg),*> Handler<($($arg,)*), $n> for F
        where
            F: Fn(&mut Tx<'_>, $($arg),*) -> Result<R, Abort> + Send + Sync + 'static,
            R: ToResults,
            $($arg: FromParameter,)*
        {
            handlers!(@parameters $n; $($arg),*);
            fn into_code(self, procedure: String, names: [String; $n]) -> SingleCode {
                handlers!(@code self, procedure, names; $($arg),*)
            }
        }
        impl<F, R, $($arg),*> MultiHandler<($($arg,)*), $n> for F
        where
            F: Fn(&mut MultiTx<'_>, $($arg),*) -> Result<R, Abort> + Send + Sync + 'static,
            R: ToResults,
            $($arg: FromParameter,)*
        {
            handlers!(@parameters $n; $($arg),*);
            fn into_code(self, procedure: String, names: [String; $n]) -> MultiCode {
                handlers!(@code self, procedure, names; $($arg),*)
            }
        }
    };
    (@parameters $n:literal; $($arg:ident),*) => {
        fn parameters(names: [&str; $n]) -> Vec<Parameter> {
            let types: [_; $n] = [$(($arg::TYPE, $arg::NULLABLE)),*];
            let parameter = |(name, (column_type, nullable)): (&str, (_, _))| Parameter {
                name: name.to_string(),
                column_type,
                nullable,
            };
            names.into_iter().zip(types).map(parameter).collect()
        }
    };
    (@code $self:ident, $procedure:ident, $names:ident; $($arg:ident),*) => {
        Box::new(move |tx, bytes, results| {
            #[allow(unused_mut, reason = "a procedure without parameters takes none")]
            let mut arguments = Arguments::open(&$procedure, &$names, bytes)?;
            $(#[allow(non_snake_case, reason = "the type's name stands for its argument")]
            let $arg: $arg = arguments.take()?;)*
            arguments.reader.finish().map_err(ParameterError::from)?;
            $self(tx, $($arg),*)?.to_results(results);
            Ok(())
        })
    };
}

handlers!(0;);
handlers!(1; A);
handlers!(2; A, B);
handlers!(3; A, B, C);
handlers!(4; A, B, C, D);
handlers!(5; A, B, C, D, E);
handlers!(6; A, B, C, D, E, G);
handlers!(7; A, B, C, D, E, G, H);
handlers!(8; A, B, C, D, E, G, H, I);
handlers!(9; A, B, C, D, E, G, H, I, J);
handlers!(10; A, B, C, D, E, G, H, I, J, K);
handlers!(11; A, B, C, D, E, G, H, I, J, K, L);
handlers!(12; A, B, C, D, E, G, H, I, J, K, L, M);
