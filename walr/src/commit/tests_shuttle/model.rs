//! The log thread of the model, its callers, and the test.

use super::*;

/// The log thread, with the threads that it starts.
struct LogThread {
    world: Arc<World>,
    state: Option<JoinHandle<()>>,
    checkpoint: Option<JoinHandle<()>>,
    waiting: Vec<Answer>,
    next: Vec<Answer>,
}

impl LogThread {
    /// Runs until the store is closed, or the thread panics: then it returns `false`.
    fn run(&mut self) -> bool {
        let world = self.world.clone();
        loop {
            let deadline = world.has_clock.then(Instant::now);
            let work = world.handover.next(deadline, TestGroup::default);
            match work.group {
                Some(group) => self.commit(group),
                None => world.take_steps(),
            }
            for request in work.requests {
                self.answer(request);
            }
            if work.closing.is_some() {
                self.close();
                return true;
            }
            if world.may_die && chance(0.1) {
                return false;
            }
            let nudges = std::mem::take(&mut world.seen().nudges);
            for nudge in nudges {
                let _ = nudge.send(());
            }
        }
    }

    fn commit(&mut self, group: TestGroup) {
        let world = self.world.clone();
        world.begin_logging();
        let first = world.record(group.0.len());
        let mut seen = world.seen();
        seen.logging = false;
        seen.groups_ahead += usize::from(first.is_some());
        // One more than waits is being applied.
        assert!(seen.groups_ahead <= MOST_AHEAD + 1, "{} groups ahead", seen.groups_ahead);
        drop(seen);
        let Some(first) = first else {
            world.handover.hand_over(None);
            return group.0.into_iter().for_each(|answer| world.answer(answer, None));
        };
        world.handover.hand_over(Some(TestStep::Apply { first, calls: group.0 }));
        if chance(0.3) || !self.has_state_thread() {
            world.take_steps();
        } else {
            world.handover.wake_state();
        }
    }

    fn has_state_thread(&mut self) -> bool {
        if self.state.is_none() && self.world.in_background && chance(0.8) {
            let world = self.world.clone();
            self.state = Some(thread::spawn(move || {
                while let Some(step) = world.handover.next_durable() {
                    world.take_step(step);
                }
            }));
            self.world.handover.set_state_thread();
        }
        self.state.is_some()
    }

    fn settle(&self) {
        self.world.handover.wake_state();
        loop {
            self.world.take_steps();
            if self.world.handover.settle() {
                return;
            }
        }
    }

    fn answer(&mut self, request: TestRequest) {
        let world = self.world.clone();
        match request {
            TestRequest::Sync(answer) => {
                thread::yield_now();
                if let Err(TestStep::Synced(answer)) = world.handover.follow(TestStep::Synced(answer)) {
                    world.answer(answer, None);
                }
            }
            TestRequest::Settle(answer) => {
                self.settle();
                world.answer(answer, None);
            }
            TestRequest::Checkpoint(answer) if self.checkpoint.is_some() => self.next.push(answer),
            TestRequest::Checkpoint(answer) => {
                self.waiting.push(answer);
                self.begin_checkpoint();
            }
            TestRequest::CheckpointDone => {
                if let Some(checkpoint) = self.checkpoint.take() {
                    checkpoint.join().unwrap();
                }
                self.waiting.drain(..).for_each(|answer| world.answer(answer, None));
                if !self.next.is_empty() {
                    self.waiting = std::mem::take(&mut self.next);
                    self.begin_checkpoint();
                }
            }
        }
    }

    fn begin_checkpoint(&mut self) {
        let world = self.world.clone();
        self.checkpoint = Some(thread::spawn(move || {
            thread::yield_now();
            // The log thread may have ended.
            let _ = world.handover.request(TestRequest::CheckpointDone);
        }));
    }

    fn close(&mut self) {
        self.settle();
        while self.checkpoint.is_some() {
            for request in self.world.handover.next_requests() {
                self.answer(request);
            }
        }
        let seen = self.world.seen();
        assert!(seen.applied == seen.durable && !seen.applying && !seen.logging, "closed before all is applied");
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if let Some(state) = self.state.take() {
            self.world.end();
            state.join().unwrap();
        }
        self.world.end();
        let lists = [std::mem::take(&mut self.waiting), std::mem::take(&mut self.next)];
        lists.into_iter().flatten().for_each(|answer| self.world.give_up(answer));
        let mut seen = self.world.seen();
        seen.ended = true;
        let nudges = std::mem::take(&mut seen.nudges);
        drop(seen);
        drop(nudges);
    }
}

/// A caller with a few calls, of which some are cancelled.
fn call(world: &World, calls: usize) {
    for _ in 0..calls {
        if chance(0.5) && world.commit_alone() {
            continue;
        }
        let Some(receiver) = world.push() else { return };
        if chance(0.8) {
            // An error says that the store has ended.
            let _ = receiver.recv();
        }
    }
}

/// A caller that sends its calls at once, and waits for their answers.
fn burst(world: &World, calls: usize) {
    let receivers: Vec<_> = (0..calls).filter_map(|_| world.push().inspect(|_| thread::yield_now())).collect();
    for receiver in receivers {
        let _ = receiver.recv();
    }
}

fn ask(world: &World, requests: usize) {
    for _ in 0..requests {
        match thread_rng().gen_range(0..3) {
            0 => world.request(TestRequest::Sync, true),
            1 => world.request(TestRequest::Settle, true),
            _ => world.request(TestRequest::Checkpoint, false),
        }
    }
}

fn run_a_store() {
    let world = Arc::new(World {
        handover: Handover::new(TestGroup::default()),
        seen: Mutex::default(),
        // With a clock, a wake-up that is lost may go unnoticed.
        has_clock: chance(0.3),
        in_background: chance(0.8),
        may_die: chance(0.1),
    });
    let own = world.clone();
    let log = thread::spawn(move || {
        let mut log = LogThread { world: own, state: None, checkpoint: None, waiting: Vec::new(), next: Vec::new() };
        let is_closed = log.run();
        // The drop of a store that is closed finds no call.
        assert!(!is_closed || log.world.end(), "calls are left after the close");
    });
    let work: [fn(&World); 5] = [
        |world| call(world, 3),
        |world| call(world, 3),
        |world| burst(world, 8),
        |world| ask(world, 2),
        |world| world.handover.close(Closing::Close),
    ];
    let closes_early = chance(0.3);
    let threads = work.into_iter().take(if closes_early { 5 } else { 4 }).map(|work| {
        let world = world.clone();
        thread::spawn(move || work(&world))
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
    world.handover.close(Closing::Drop);
    log.join().unwrap();
    let seen = world.seen();
    assert!(seen.answers.iter().all(|&answers| answers == 1), "answers to each call: {:?}", seen.answers);
}

/// Runs 600 schedules, or as many as `WALR_SHUTTLE_SCHEDULES` says.
#[test]
fn every_schedule_of_the_halves_ends_and_answers_each_call_once() {
    let asked = std::env::var("WALR_SHUTTLE_SCHEDULES").ok().and_then(|schedules| schedules.parse().ok());
    let schedules: usize = asked.unwrap_or(600);
    shuttle::check_random(run_a_store, schedules.div_ceil(2));
    // Few switches in rare places.
    shuttle::check_pct(run_a_store, schedules / 2, 4);
}
