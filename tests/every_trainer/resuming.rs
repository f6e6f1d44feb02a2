//! Every trainer goes on where it was saved, after any step.

use leaf::recipe::TrainerChoice;
use leaf_ssl::Result;
use leaf_trial::assert_resumes;

use crate::trainers::{algorithm, build, debiased, low_threshold, unlabeled, with_presets};

#[test]
fn every_trainer_goes_on_where_it_was_saved() -> Result<()> {
    for (_, trainer) in TrainerChoice::all().into_iter().flat_map(with_presets) {
        let trainer = low_threshold(&trainer);
        assert_resumes(trainer.leaf(), || build(&trainer))?;
    }
    for trainer in unlabeled() {
        let recipe = debiased(low_threshold(&trainer));
        assert_resumes(recipe.trainer.leaf(), || algorithm(&recipe))?;
    }
    Ok(())
}
