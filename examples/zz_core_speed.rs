//! scratch
use std::sync::Arc;
use tollgate::{call::*, core::*, node::recover};
use tollgate_cluster::{disk::*, log, replica::GroupConfig};
use tollgate_schema::{codec::ParamWriter, ring::Ring, dynamic, value::Value};
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
struct S;
impl ReplySink for S { fn send(&self, f: Vec<u8>, _c: u32, _r: u64) { std::hint::black_box(&f); } }
fn main() {
    let taps: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let cards: i32 = std::env::args().nth(2).unwrap().parse().unwrap();
    let parts = 4u16;
    let registry = Arc::new(tollgate::product_registry());
    let catalog = Arc::new(registry.catalog().clone());
    let fp = recover::fingerprint(&catalog);
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(1));
    let mut opened = log::open(disk.clone(), std::path::Path::new("/l"), log::LogConfig{spares_at_open:0,segment_bytes:1<<20,..Default::default()}).unwrap();
    let ring = Arc::new(Ring::new(parts));
    let mut places = vec![];
    let mut acks = vec![];
    for p in 0..parts {
        let (part, fl) = recover::partition(p, opened.take_group(p as u32), &GroupConfig::new(p as u32, 1, vec![1]), (&catalog, fp), &*disk, std::path::Path::new("/s"), 1).unwrap();
        acks.extend(fl.acks); places.push(Some(part));
    }
    let mut core = Core::new(registry.clone(), ring.clone(), places);
    let settle = |core: &mut Core, mut acks: Vec<(u16,u64)>| { for _ in 0..4 { for (p,n) in acks.drain(..) { core.persisted(p,n); } let f = core.flush(true).unwrap(); acks = f.acks; } };
    settle(&mut core, acks);
    // set up through procedures
    let call = |name: &str, values: &[Value]| { let mut b = vec![]; let mut w = ParamWriter::new(&mut b); for v in values { w.put_value(v); } w.finish(); (registry.find(name).unwrap(), b) };
    let sink: Arc<dyn ReplySink> = Arc::new(S);
    let _ = dynamic::find;
    let mk = |name: &str, v: &[Value], target| { let (id, b) = call(name, v); let n = b.len() as u32; Batch { sink: sink.clone(), received_us: 0, bytes: b.into(), calls: vec![Call { handle: 1, procedure: id, target, parameters: 0..n, identity: None }] } };
    for s in 1..=17i16 { core.run(&mk("STATIONS.insert", &[Value::SmallInt(s), Value::Varchar("S".into()), Value::SmallInt(250), Value::Integer(1)], Target::All), 1); }
    for c in 1..=cards {
        let v = [Value::Integer(c), Value::TinyInt(1), Value::TinyInt(0), Value::Integer(100000), Value::Null, Value::Varchar("Rider x".into()), Value::Varchar("555".into()), Value::Varchar("a@b".into()), Value::TinyInt(0)];
        core.run(&mk("CARDS.insert", &v, Target::Partition(ring.partition_of_int(c as i64))), 1);
        if c % 5000 == 0 { settle(&mut core, vec![]); }
    }
    settle(&mut core, vec![]);
    let (ve, _) = call("ValidateEntry", &[]);
    let mut rng = 12345u64; let mut t = 1_700_000_000_000i64;
    let mut batches = vec![];
    let mut left = taps;
    while left > 0 {
        let n = left.min(1000); left -= n;
        let mut bytes = vec![]; let mut calls = vec![];
        for i in 0..n {
            rng = rng.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let card = ((rng >> 33) % cards as u64) as i32 + 1; let st = ((rng >> 20) % 17) as i32 + 1;
            t += 3600_000 / (cards as i64 * 2).min(3600_000) ; if (rng>>10)%3==0 { t += 1; }
            let start = bytes.len() as u32;
            let mut w = ParamWriter::new(&mut bytes); w.put_i32(card).put_i64(t).put_i32(st).put_i8(1).put_i32(0); w.finish();
            calls.push(Call { handle: i as i64, procedure: ve, target: Target::Partition(ring.partition_of_int(card as i64)), parameters: start..bytes.len() as u32, identity: None });
        }
        batches.push(Batch { sink: sink.clone(), received_us: 0, bytes: bytes.into(), calls });
    }
    let cpu = || std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse::<u64>().unwrap();
    for chunk in batches.chunks(batches.len().div_ceil(5)) {
        let c0 = cpu(); let mut n = 0;
        let mut pend = vec![];
        for b in chunk { core.run(b, t * 1000); n += b.calls.len(); for (p,k) in std::mem::take(&mut pend) { core.persisted(p,k); } pend = core.flush(true).unwrap().acks; }
        for (p,k) in pend { core.persisted(p,k); } core.flush(true).unwrap();
        println!("{} taps {} ns each (cpu) acc {} rej {} fraud {}", n, (cpu()-c0)/n as u64, core.counters.accepted, core.counters.rejected, core.counters.fraud);
    }
}
