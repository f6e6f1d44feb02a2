//! Every trainer goes on where it was saved, after any step.

use leaf::debias::DebiasConfig;
use leaf::recipe::TrainerChoice;
use leaf_ssl::Result;
use leaf_trial::{assert_resumes, task};

use crate::trainers::{build, low_threshold, presets, unlabeled};

#[test]
fn every_trainer_goes_on_where_it_was_saved() -> Result<()> {
    for trainer in TrainerChoice::all().into_iter().flat_map(presets) {
        let trainer = low_threshold(&trainer);
        assert_resumes(trainer.leaf(), || build(&trainer))?;
    }
    for trainer in unlabeled() {
        let trainer = low_threshold(&trainer);
        assert_resumes(trainer.leaf(), || {
            let base = build(&trainer)?;
            Ok(Box::new(DebiasConfig::default().around(base, &task())?))
        })?;
    }
    Ok(())
}
