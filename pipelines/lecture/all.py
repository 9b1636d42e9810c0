"""Draw every figure of the lecture, in the order of the lecture: python pipelines/lecture/all.py [FOLDER].

Figures go to the folder `lecture` if no other is named; what each topic prints goes to the terminal.
"""

from pathlib import Path

import activations
import batch_sizes
import computational_graphs
import depth_and_width
import descent_paths
import forward_pass
import normalising_inputs
import regularisation
import universal_approximation
import vanishing_gradients
from drawing import figure_folder

TOPICS = (
    activations,
    forward_pass,
    computational_graphs,
    descent_paths,
    batch_sizes,
    universal_approximation,
    depth_and_width,
    vanishing_gradients,
    regularisation,
    normalising_inputs,
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for topic in TOPICS:
        print(f"\n{topic.__doc__.splitlines()[0]}")
        topic.main(folder)
    print(f"\n{len(TOPICS)} figures in {folder}/")


if __name__ == "__main__":
    main(figure_folder(__doc__))
