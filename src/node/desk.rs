//! An executor's desk: what waits for it, and the executor itself behind a lock. Whoever is at the desk does
//! what waits there, and looks again after it has left. Usually the net thread does that itself once it has
//! read what there is: a lone call wakes no other thread then but the log's. Where more waits than a wake-up
//! is worth, the owners of all desks but the first do theirs meanwhile. When more has come than gets done so,
//! the executors' own threads take over, and the net thread only brings.
//!
//! Runs on: the net thread, the log thread, executor threads. It never knows: what the work is.

use crate::{clock, limits, node::fatal, partition::Fatal};
use crossbeam::queue::SegQueue;
use parking_lot::{Mutex, MutexGuard};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    },
    thread::Thread,
    time::Duration,
};
use tokio::sync::{Notify, Semaphore};

/// Who works at a desk.
pub trait Worker: Sized + Send {
    /// What it is asked.
    type Input: Send;
    /// What it is told about what it asked for; looked at first.
    type Answer: Send;

    /// How much there is to do for an input, about: in calls.
    fn weight(input: &Self::Input) -> usize;

    /// Does a bounded part of what waits on its desk. A failure ends the process.
    fn step(&mut self, desk: &Desk<Self>) -> Result<Done, Fatal>;

    /// Time has passed, on the worker's own thread.
    fn on_tick(&mut self);
}

/// Whether a worker was at its desk for the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    ForNow,
    ForGood,
}

/// Who is to do what was put on a desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The helper, when it has done what it is about: nobody has to wake up.
    Helper,
    /// The worker's own thread: the helper has enough to do.
    Owner,
}

/// See the module.
pub struct Desk<W: Worker> {
    inputs: SegQueue<W::Input>,
    /// The weight of the inputs, or a little more.
    weight: AtomicUsize,
    pub answers: SegQueue<W::Answer>,
    /// A permit for each batch there is room for; the worker gives it back when it takes the batch.
    pub room: Semaphore,
    worker: Mutex<Option<W>>,
    /// The worker's own thread, once it runs.
    owner: OnceLock<Thread>,
    helper: Arc<Helper>,
    closed: AtomicBool,
}

/// A helper does not stay longer at one desk: it has others, and sockets.
const HELPER_STEPS_MAX: usize = 4;

impl<W: Worker> Desk<W> {
    pub fn new(helper: Arc<Helper>) -> Desk<W> {
        Desk {
            inputs: SegQueue::new(),
            weight: AtomicUsize::new(0),
            answers: SegQueue::new(),
            room: Semaphore::new(limits::EXECUTOR_BATCHES_MAX),
            worker: Mutex::new(None),
            owner: OnceLock::new(),
            helper,
            closed: AtomicBool::new(false),
        }
    }

    /// From now on somebody works here.
    pub fn seat(&self, worker: W) {
        *self.worker.lock() = Some(worker);
    }

    /// Puts an input down; false: nobody will ever work here again.
    pub fn put(&self, input: W::Input, by: By) -> bool {
        if self.closed.load(Ordering::Acquire) {
            return false;
        }
        self.weight.fetch_add(W::weight(&input), Ordering::Relaxed);
        self.inputs.push(input);
        self.call(by);
        true
    }

    /// The next input.
    pub fn take(&self) -> Option<W::Input> {
        let input = self.inputs.pop()?;
        self.weight.fetch_sub(W::weight(&input), Ordering::Relaxed);
        Some(input)
    }

    /// How many inputs wait.
    pub fn waiting(&self) -> usize {
        self.inputs.len()
    }

    /// Puts an answer down. Who is at the desk sees it before the next input.
    pub fn answer(&self, answer: W::Answer) {
        self.answers.push(answer);
        self.call(By::Helper);
    }

    fn call(&self, by: By) {
        // The work was put down before; whoever leaves the desk looks at it after that.
        fence(Ordering::SeqCst);
        if self.worker.is_locked() {
            return;
        }
        match by {
            By::Helper if self.helper.call() => {}
            By::Helper | By::Owner => self.wake_owner(),
        }
    }

    fn wake_owner(&self) {
        if let Some(owner) = self.owner.get() {
            owner.unpark();
        }
    }

    fn has_work(&self) -> bool {
        // The desk was left before: either we see what was put down, or who put it down sees that nobody is
        // here.
        fence(Ordering::SeqCst);
        !self.inputs.is_empty() || !self.answers.is_empty()
    }

    /// Calls the owner if more waits than a wake-up costs.
    fn share(&self) {
        if self.weight.load(Ordering::Relaxed) >= limits::CALLS_WORTH_A_WAKE && !self.worker.is_locked() {
            self.wake_owner();
        }
    }

    /// Does what waits, on the calling thread, if nobody is at the desk; what stays is the owner's.
    pub fn help(&self) {
        for _ in 0..HELPER_STEPS_MAX {
            if !self.has_work() {
                return;
            }
            let Some(mut seat) = self.worker.try_lock() else { return };
            let Some(worker) = seat.as_mut() else { return };
            if fatal::guarded("net", || worker.step(self)) == Done::ForGood {
                self.close(&mut seat);
            }
        }
        if self.has_work() {
            self.wake_owner();
        }
    }

    /// Works until the worker is done for good, or fails. On the worker's own thread.
    pub fn work(&self, tick: Duration) -> Result<(), Fatal> {
        let _ = self.owner.set(std::thread::current());
        let mut tick_due = clock::now() + tick;
        while !self.closed.load(Ordering::Acquire) {
            // Under load there is always work: time passes all the same.
            let is_tick = clock::now() >= tick_due;
            let seat = match is_tick {
                true => Some(self.worker.lock()),
                false => self.has_work().then(|| self.worker.try_lock()).flatten(),
            };
            let Some(mut seat) = seat else {
                std::thread::park_timeout(tick_due.saturating_duration_since(clock::now()));
                continue;
            };
            let Some(worker) = seat.as_mut() else { continue };
            if is_tick {
                tick_due = clock::now() + tick;
                worker.on_tick();
            }
            // After a tick too: what it changed has to leave, though nobody put anything down.
            if worker.step(self)? == Done::ForGood {
                self.close(&mut seat);
            }
        }
        Ok(())
    }

    fn close(&self, seat: &mut Option<W>) {
        self.closed.store(true, Ordering::Release);
        *seat = None;
        while self.take().is_some() {}
        self.wake_owner();
    }

    /// The worker, when whoever is at the desk leaves it. Call [`Desk::visited`] after it is given back.
    pub fn visit(&self) -> MutexGuard<'_, Option<W>> {
        self.worker.lock()
    }

    /// Who put something down during a visit found the desk taken.
    pub fn visited(&self) {
        if self.has_work() {
            self.wake_owner();
        }
    }
}

/// Whoever helps at the desks, told once for any number of things that were put down.
#[derive(Default)]
pub struct Helper {
    called: Notify,
    present: AtomicBool,
}

impl Helper {
    /// False: there is none.
    fn call(&self) -> bool {
        let present = self.present.load(Ordering::Acquire);
        if present {
            self.called.notify_one();
        }
        present
    }

    /// Helps at these desks for as long as it is polled. What is put down in the moment that it ends waits
    /// for the next tick.
    pub async fn help<W: Worker>(&self, desks: &[Arc<Desk<W>>]) {
        self.present.store(true, Ordering::Release);
        let _present = Present(&self.present);
        loop {
            self.called.notified().await;
            // While the helper is at the first desk.
            desks.iter().skip(1).for_each(|desk| desk.share());
            desks.iter().for_each(|desk| desk.help());
        }
    }
}

struct Present<'a>(&'a AtomicBool);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::sync::mpsc::{Sender, channel};

    /// Says in a step that there was a tick before.
    struct Ticking {
        seen: Sender<()>,
        ticked: bool,
    }

    impl Worker for Ticking {
        type Input = ();
        type Answer = ();

        fn weight((): &()) -> usize {
            1
        }

        fn step(&mut self, desk: &Desk<Ticking>) -> Result<Done, Fatal> {
            if std::mem::take(&mut self.ticked) {
                self.seen.send(()).expect("somebody waits");
            }
            Ok(if desk.take().is_some() { Done::ForGood } else { Done::ForNow })
        }

        fn on_tick(&mut self) {
            self.ticked = true;
        }
    }

    /// Or rows that a tick lets go would not be durably gone before the next call.
    #[test]
    fn a_tick_is_followed_by_a_step_though_nothing_was_put_down() {
        let desk = Desk::new(Arc::default());
        let (seen, steps) = channel();
        desk.seat(Ticking { seen, ticked: false });
        std::thread::scope(|scope| {
            scope.spawn(|| desk.work(Duration::from_millis(1)).expect("no failure"));
            let stepped = (0..3).all(|_| steps.recv_timeout(Duration::from_secs(10)).is_ok());
            assert!(desk.put((), By::Owner));
            assert!(stepped);
        });
    }

    /// Waits in a step until another one is in a step, too.
    struct Meeting {
        here: Sender<()>,
        there: std::sync::mpsc::Receiver<()>,
        met: Sender<bool>,
    }

    impl Worker for Meeting {
        type Input = bool;
        type Answer = ();

        fn weight(_: &bool) -> usize {
            1
        }

        fn step(&mut self, desk: &Desk<Meeting>) -> Result<Done, Fatal> {
            let inputs: Vec<bool> = std::iter::from_fn(|| desk.take()).collect();
            if !inputs.is_empty() {
                let _ = self.here.send(());
                let _ = self.met.send(self.there.recv_timeout(Duration::from_secs(10)).is_ok());
            }
            Ok(if inputs.contains(&true) { Done::ForGood } else { Done::ForNow })
        }

        fn on_tick(&mut self) {
            panic!("the test is over before the first tick");
        }
    }

    #[test]
    fn what_is_worth_a_wake_is_done_while_the_helper_is_at_the_first_desk() {
        let helper = Arc::new(Helper::default());
        let desks = [(); 2].map(|()| Arc::new(Desk::new(helper.clone())));
        let (met, meetings) = channel();
        let ((first, at_second), (second, at_first)) = (channel(), channel());
        desks[0].seat(Meeting { here: first, there: at_first, met: met.clone() });
        desks[1].seat(Meeting { here: second, there: at_second, met });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        std::thread::scope(|scope| {
            scope.spawn(|| desks[1].work(AN_HOUR).expect("no failure"));
            let (stop, stopped) = tokio::sync::oneshot::channel();
            let (helped, all) = (&helper, desks.clone());
            let helping = scope.spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = helped.help(&all) => {}
                        _ = stopped => {}
                    }
                })
            });
            while !helper.present.load(Ordering::Acquire) || desks[1].owner.get().is_none() {
                std::thread::yield_now();
            }
            for number in 1..=limits::CALLS_WORTH_A_WAKE {
                desks.iter().for_each(|desk| desk.inputs.push(number == 1));
                desks.iter().for_each(|desk| _ = desk.weight.fetch_add(1, Ordering::Relaxed));
            }
            assert!(helper.call());
            assert_eq!([meetings.recv(), meetings.recv()], [Ok(true); 2]);
            let _ = stop.send(());
            helping.join().expect("no panic");
        });
    }

    /// Hands on what it gets, a few at a time, as the executor does.
    struct Counting {
        seen: Sender<u64>,
        ends: bool,
    }

    impl Worker for Counting {
        type Input = Option<u64>;
        type Answer = u64;

        fn weight(_: &Option<u64>) -> usize {
            1
        }

        fn step(&mut self, desk: &Desk<Counting>) -> Result<Done, Fatal> {
            while let Some(number) = desk.answers.pop() {
                self.seen.send(number).expect("somebody counts");
            }
            for _ in 0..3 {
                match desk.take() {
                    Some(Some(number)) => self.seen.send(number).expect("somebody counts"),
                    Some(None) => self.ends = true,
                    None => break,
                }
            }
            Ok(if self.ends && !desk.has_work() { Done::ForGood } else { Done::ForNow })
        }

        fn on_tick(&mut self) {
            panic!("the test is over before the first tick");
        }
    }

    const AN_HOUR: Duration = Duration::from_secs(3600);

    /// Puts down some of `numbers` for each of the two, sometimes visits in between.
    fn bring(desk: &Desk<Counting>, numbers: std::ops::Range<u64>) {
        let mut rng = SmallRng::seed_from_u64(numbers.start);
        let only = rng.random_ratio(1, 2).then_some(By::Helper);
        for number in numbers {
            let by = only.unwrap_or(if rng.random() { By::Owner } else { By::Helper });
            match rng.random_range(0..10) {
                0 => desk.answer(number),
                _ => assert!(desk.put(Some(number), by)),
            }
            if rng.random_ratio(1, 20) {
                drop(desk.visit());
                desk.visited();
            }
        }
    }

    /// Again and again some threads put things down at once, a helper helps, visitors come: all of it is
    /// done, once, although no tick ever finds what nobody was woken for.
    #[test]
    fn whatever_is_put_down_is_done_without_a_tick() {
        const ROUNDS: u64 = 1000;
        const EACH: u64 = 24;
        let helper = Arc::new(Helper::default());
        let desk = Arc::new(Desk::new(helper.clone()));
        let (seen, numbers) = channel();
        desk.seat(Counting { seen, ends: false });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let longest = Duration::from_secs(10);
        std::thread::scope(|scope| {
            scope.spawn(|| desk.work(AN_HOUR).expect("no failure"));
            let (stop, stopped) = tokio::sync::oneshot::channel();
            let (helped, desks) = (&helper, [desk.clone()]);
            let helping = scope.spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = helped.help(&desks) => {}
                        _ = stopped => {}
                    }
                })
            });
            let mut next = 0;
            for round in 0..ROUNDS {
                let first = next;
                std::thread::scope(|bringing| {
                    for _ in 0..=round % 3 {
                        let some = next..next + 1 + (round * 7) % EACH;
                        next = some.end;
                        let desk = &desk;
                        bringing.spawn(move || bring(desk, some));
                    }
                });
                let got = (first..next).map(|_| {
                    numbers.recv_timeout(longest).unwrap_or_else(|_| {
                        // Or its thread, and so the test, would never end.
                        desk.put(None, By::Owner);
                        panic!("nobody was woken for what was put down in round {round}");
                    })
                });
                let mut got: Vec<u64> = got.collect();
                got.sort_unstable();
                assert!(got.into_iter().eq(first..next), "each of them once");
            }
            let _ = stop.send(());
            helping.join().expect("no panic");
            assert!(desk.put(Some(next), By::Helper), "the owner is woken when there is no helper");
            assert_eq!(numbers.recv_timeout(longest), Ok(next));
            assert!(desk.put(None, By::Owner));
        });
        assert!(!desk.put(Some(0), By::Helper), "nobody will ever be there again");
        assert!(numbers.recv().is_err());
    }
}
