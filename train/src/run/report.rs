//! The records of a run in its directory: metrics and TensorBoard events of each step, and charts now and then.

use std::time::{Duration, Instant, SystemTime};

use configuration::Config;
use monitor::metrics::{self, Record};
use monitor::svg::chart::Curves;
use monitor::tensorboard;
use store::files::{FileError, remove_leftovers, replace, write_atomically};
use store::process::host_name;
use store::run_directory::RunDirectory;

use super::efficiency::Efficiency;
use crate::Error;

/// The time between two drawings of the charts while a run goes on.
const DRAW_EVERY: Duration = Duration::from_secs(30);

/// The writer of a run's records.
pub(super) struct Report<'a> {
    run: &'a RunDirectory,
    metrics: metrics::Writer,
    events: tensorboard::Writer,
    efficiency: Efficiency,
    curves: Curves,
    title: String,
    unigram_entropy: f64,
    drawn: Instant,
}

impl<'a> Report<'a> {
    /// Opens the records after `completed` steps, whose metrics take `known` bytes; those of later steps are removed.
    pub(super) fn open(
        config: &Config,
        run: &'a RunDirectory,
        unigram_entropy: f64,
        efficiency: Efficiency,
        completed: u64,
        known: u64,
    ) -> Result<Self, Error> {
        // Charts that a killed process was writing.
        remove_leftovers(run.path(), ".partial-");
        let (metrics, _) = metrics::Writer::open(run.metrics(), completed, known)?;
        let host = host_name();
        let events = tensorboard::Writer::create(run.path(), SystemTime::now(), &host, completed)?;
        let title = format!("{}, {} parameters", config.name, rounded(config.model.total_parameters()));
        let mut report = Self {
            run,
            metrics,
            events,
            efficiency,
            curves: Curves::default(),
            title,
            unigram_entropy,
            drawn: Instant::now(),
        };
        report.recount()?;
        Ok(report)
    }

    /// Counts the recorded steps for goodput.
    fn recount(&mut self) -> Result<(), Error> {
        let Self { efficiency, curves, .. } = self;
        efficiency.recount();
        *curves = Curves::default();
        metrics::scan(&self.run.metrics(), |record: Record| {
            efficiency.earlier(&record);
            curves.push(&record);
        })?;
        Ok(())
    }

    /// Removes the records of the steps after `completed`, whose metrics take `known` bytes.
    pub(super) fn go_back(&mut self, completed: u64, known: u64) -> Result<(), Error> {
        (self.metrics, _) = metrics::Writer::open(self.run.metrics(), completed, known)?;
        let host = host_name();
        self.events = tensorboard::Writer::create(self.run.path(), SystemTime::now(), &host, completed)?;
        self.recount()
    }

    /// Records a step, and returns the record with goodput and MFU filled in.
    pub(super) fn step(&mut self, mut record: Record) -> Result<Record, FileError> {
        self.efficiency.complete(&mut record);
        self.metrics.write(&record)?;
        self.events.scalars(SystemTime::now(), record.step, &record.scalars())?;
        self.curves.push(&record);
        if self.drawn.elapsed() >= DRAW_EVERY {
            // A chart that cannot be drawn now is no reason to stop: if it is never possible, the end says so.
            let _ = self.draw(replace);
            self.drawn = Instant::now();
        }
        Ok(record)
    }

    /// Draws the charts of all steps so far, to stay.
    pub(super) fn finish(&self) -> Result<(), FileError> {
        self.draw(write_atomically)
    }

    fn draw(&self, write: fn(&std::path::Path, &[u8]) -> Result<(), FileError>) -> Result<(), FileError> {
        let loss = self.curves.loss(&self.title, Some(self.unigram_entropy));
        write(&self.run.loss_chart(), loss.svg().as_bytes())?;
        write(&self.run.training_chart(), self.curves.training(&self.title).svg().as_bytes())
    }

    /// Goodput and MFU of the run.
    pub(super) fn efficiency(&self) -> &Efficiency {
        &self.efficiency
    }
}

/// A count in words of one decimal.
fn rounded(count: u64) -> String {
    let units = [(1e9, "B"), (1e6, "M"), (1e3, "k")];
    let unit = units.into_iter().find(|(unit, _)| count as f64 >= *unit);
    unit.map_or_else(|| count.to_string(), |(unit, name)| format!("{:.1}{name}", count as f64 / unit))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use store::process_log::{ProcessLog, ProcessStart};

    use super::*;

    fn open(run: &RunDirectory, completed: u64) -> Report<'_> {
        let start = Instant::now();
        let starts =
            ProcessLog::add(&run.process_log(), &ProcessStart::of_this_process(SystemTime::now(), completed))
                .unwrap();
        let efficiency = Efficiency::new(starts.first(), start, None);
        Report::open(&Config::quick_start().unwrap(), run, 6.4, efficiency, completed, 0).unwrap()
    }

    fn step(step: u64) -> Record {
        // Shorter than the steps of this test are in truth.
        Record {
            step,
            tokens: step * 8,
            loss: 5.0,
            seconds: 1e-6,
            tokens_per_second: 8e6,
            ..Record::default()
        }
    }

    /// A process that completes five steps, and another that goes on from the third.
    #[test]
    fn steps_that_are_done_again_are_written_and_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(folder.path().join("run")).unwrap();
        let mut first = open(&run, 0);
        let before = (1..=5).map(|number| first.step(step(number)).unwrap()).last().unwrap();
        drop(first);
        fs::write(run.path().join(".partial-left"), "").unwrap();

        let mut second = open(&run, 3);
        second.step(step(4)).unwrap();
        second.step(step(5)).unwrap();
        second.go_back(3, 0).unwrap();
        let fourth = second.step(step(4)).unwrap();
        second.finish().unwrap();
        assert_eq!(metrics::read(&run.metrics()).unwrap().iter().map(|record| record.step).max(), Some(4));
        let wall = fourth.wall_seconds.unwrap();
        assert!(wall > before.wall_seconds.unwrap(), "{before:?} {fourth:?}");
        assert!((fourth.goodput.unwrap() - 4e-6 / wall).abs() < 1e-12, "{fourth:?}");
        for chart in [run.loss_chart(), run.training_chart()] {
            assert!(fs::read_to_string(chart).unwrap().ends_with("</svg>\n"));
        }
        assert!(!run.path().join(".partial-left").exists());
    }

    #[test]
    fn parameters_are_rounded_as_people_say_them() {
        let texts = [999, 8_432, 1_838_912, 43_720_448, 279_710_317_824].map(rounded);
        assert_eq!(texts, ["999", "8.4k", "1.8M", "43.7M", "279.7B"]);
    }

    #[test]
    fn charts_are_drawn_now_and_then_while_the_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(folder.path().join("run")).unwrap();
        let mut report = open(&run, 0);
        report.step(step(1)).unwrap();
        assert!(!run.loss_chart().exists());
        report.drawn = Instant::now().checked_sub(DRAW_EVERY).unwrap();
        report.step(step(2)).unwrap();
        assert!(run.loss_chart().exists() && run.training_chart().exists());
        // A place where nothing can be drawn stops nothing.
        for chart in [run.loss_chart(), run.training_chart()] {
            fs::remove_file(&chart).unwrap();
            fs::create_dir(&chart).unwrap();
        }
        report.drawn = Instant::now().checked_sub(DRAW_EVERY).unwrap();
        report.step(step(3)).unwrap();
        assert!(report.finish().is_err());
    }
}
