//! The mirror: copies of a run's checkpoints in an object store, written by a thread. Training never waits for an
//! upload but for the last one: a checkpoint that is due while another one is under way comes next, and if a newer one
//! is due by then, that one.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use configuration::{Checkpoints, Config};
use store::checkpoint::{self, Checkpoint, Retention};
use store::files::FileError;
use store::remote::{self, Address, Store, Upload, Writer};
use store::run_directory::RunDirectory;

use crate::Error;
use crate::events::{Log, RunEvent};
use crate::observer::{Event, Observer};

/// A task for the store.
#[derive(Debug, Default)]
struct Job {
    /// A rewind: checkpoints after this step are set aside.
    aside_after: Option<u64>,
    upload: Option<Upload>,
}

type Done = Result<remote::Uploaded, checkpoint::Error>;

/// The task under way on the thread.
#[derive(Debug)]
struct UnderWay {
    step: u64,
    aside_after: Option<u64>,
    thread: JoinHandle<Done>,
}

/// The uploads of a run.
#[derive(Debug)]
pub(super) struct Mirror {
    store: Arc<Store>,
    writer: Writer,
    retention: Retention,
    under_way: Option<UnderWay>,
    next: Option<Job>,
    /// Whether the last upload failed.
    failed: bool,
}

/// The store of a run, if it has one; for the process that owns the run directory.
///
/// # Errors
/// [`checkpoint::Error::Store`] when its address, or what the environment says of it, makes no sense.
pub(super) fn open_store(config: &Config) -> Result<Option<Arc<Store>>, checkpoint::Error> {
    match config.checkpoint.store.as_str() {
        "" => Ok(None),
        text => {
            let address: Address = text.parse()?;
            Ok(Some(Arc::new(Store::open(&address)?)))
        }
    }
}

impl Mirror {
    /// Opens the store for writing; this process is the only one to write there from now on.
    ///
    /// # Errors
    /// [`checkpoint::Error::Store`] when the store cannot be written.
    pub(super) fn new(store: Arc<Store>, config: &Config) -> Result<Mirror, checkpoint::Error> {
        let Checkpoints { store_keep_last: keep_last, store_keep_every: keep_every, keep_best, .. } =
            config.checkpoint;
        let rewind_steps = config.incidents.rewind();
        let retention = Retention { keep_last, keep_every, rewind_steps, keep_best };
        let writer = Writer::begin(&store)?;
        Ok(Mirror { store, writer, retention, under_way: None, next: None, failed: false })
    }

    /// Steps of the checkpoints in the store to which the run may go back.
    pub(super) fn planned_steps(&self) -> Result<Vec<u64>, checkpoint::Error> {
        remote::planned_steps(&self.store)
    }

    /// Copies a checkpoint of the store to the run directory.
    pub(super) fn restore(&self, run: &RunDirectory, step: u64) -> Result<Checkpoint, Error> {
        Ok(remote::restore::<Error>(&self.store, run, step, &|_| Ok(()))?)
    }

    /// A checkpoint of the run directory is to be uploaded.
    ///
    /// # Errors
    /// [`checkpoint::Error`] when the checkpoint's manifest cannot be read.
    pub(super) fn offer(
        &mut self,
        checkpoint: &Path,
        run: &RunDirectory,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let upload = Upload::open(checkpoint, run)?;
        let next = self.next.get_or_insert_default();
        if let Some(overtaken) = next.upload.replace(upload) {
            observer.event(Event::Note(format!(
                "{} is slower than checkpoints are saved: that of step {} is not uploaded",
                self.store.address(),
                overtaken.step()
            )));
        }
        self.begin()
    }

    /// The run has gone back: checkpoints after a step are none of it any more.
    pub(super) fn go_back(&mut self, step: u64) -> Result<(), Error> {
        self.set_aside_after(step);
        self.begin()
    }

    fn set_aside_after(&mut self, step: u64) {
        let next = self.next.get_or_insert_default();
        next.aside_after = Some(next.aside_after.map_or(step, |other| other.min(step)));
        next.upload.take_if(|upload| upload.step() > step);
    }

    /// Begins what is next, if nothing is under way.
    fn begin(&mut self) -> Result<(), Error> {
        if self.under_way.is_some() {
            return Ok(());
        }
        let Some(job) = self.next.take() else { return Ok(()) };
        let step = job.upload.as_ref().map(Upload::step).or(job.aside_after).unwrap_or_default();
        let (store, writer, retention) = (Arc::clone(&self.store), self.writer.clone(), self.retention);
        let perform = move || {
            if let Some(step) = job.aside_after {
                writer.check(&store)?;
                remote::set_aside_after(&store, step)?;
            }
            match job.upload {
                Some(upload) => upload.perform(&store, &writer, retention),
                None => Ok(remote::Uploaded::default()),
            }
        };
        let thread = thread::Builder::new().name(format!("upload of step {step}")).spawn(perform);
        let thread = thread.map_err(|source| FileError::write(Path::new(&self.place()), source))?;
        self.under_way = Some(UnderWay { step, aside_after: job.aside_after, thread });
        Ok(())
    }

    fn place(&self) -> String {
        self.store.address().to_string()
    }

    /// Reports the result of the upload under way, if it has ended, and begins the next. A failure is reported as an
    /// event; the second in a row is an error.
    ///
    /// # Errors
    /// The error of the second upload in a row that fails.
    pub(super) fn poll(&mut self, log: &Log, observer: &mut dyn Observer) -> Result<(), Error> {
        if self.under_way.as_ref().is_some_and(|job| job.thread.is_finished()) {
            self.settle(log, observer)?;
        }
        self.begin()
    }

    /// Waits until everything is in the store.
    ///
    /// # Errors
    /// The error of the last upload, if it fails.
    pub(super) fn finish(&mut self, log: &Log, observer: &mut dyn Observer) -> Result<(), Error> {
        while let Some(UnderWay { step, thread, .. }) = &self.under_way {
            if !thread.is_finished() {
                let text = format!("waiting for the checkpoint of step {step} to be in {}", self.place());
                observer.event(Event::Note(text));
            }
            // Of the last one, a failure is an error; before it, there is another that may go well.
            self.failed = self.next.is_none();
            self.settle(log, observer)?;
            self.begin()?;
        }
        Ok(())
    }

    fn settle(&mut self, log: &Log, observer: &mut dyn Observer) -> Result<(), Error> {
        let Some(UnderWay { step, aside_after, thread }) = self.under_way.take() else {
            return Ok(());
        };
        let done = thread.join().unwrap_or(Err(checkpoint::Error::UploadThread)).inspect_err(|error| {
            // A log that cannot be written either is not the news here.
            let _ = log.write(&RunEvent::SaveFailed { step, message: error.to_string() });
        });
        let place = self.store.address().place(&checkpoint::folder_name(step)).display().to_string();
        match done {
            Ok(remote::Uploaded { bytes, elapsed, removed, not_removed }) => {
                self.failed = false;
                if bytes > 0 {
                    let seconds = elapsed.as_secs_f64();
                    log.write(&RunEvent::Upload { step, place: place.clone(), bytes, seconds })?;
                    let megabytes = bytes as f64 / 1e6;
                    let text = format!("uploaded {place}: {megabytes:.1} MB in {seconds:.2} s");
                    observer.event(Event::Note(text));
                }
                for step in removed {
                    let gone = self.store.address().place(&checkpoint::folder_name(step));
                    let text = format!("removed {}, which is no longer kept", gone.display());
                    observer.event(Event::Note(text));
                }
                if let Some(error) = not_removed {
                    let text = format!("warning: a checkpoint that is no longer kept stays: {error}");
                    observer.event(Event::Note(text));
                }
            }
            Err(error) if self.failed || error.is_taken_over() => return Err(error.into()),
            Err(error) => {
                self.failed = true;
                // What the run has left behind must not be what is gone on from.
                if let Some(step) = aside_after {
                    let next = self.next.get_or_insert_default();
                    next.aside_after = Some(next.aside_after.map_or(step, |other| other.min(step)));
                }
                observer.event(Event::SaveFailed { step, error: &error });
            }
        }
        Ok(())
    }
}

impl Drop for Mirror {
    /// Waits for the task under way, however the run ends.
    fn drop(&mut self) {
        if let Some(job) = self.under_way.take() {
            // The run ends with another error, which is the one that matters.
            let _ = job.thread.join();
        }
    }
}
