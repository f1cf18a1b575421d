// One change at a time in each repository. Reads never wait.
// Every change reads git, decides, and writes both git and SQLite; the lock is what makes those steps one.

export class RepositoryLocks {
  readonly #tails = new Map<number, Promise<unknown>>();

  /** Runs `work` after every change of this repository that was asked for earlier. */
  async run<Result>(repositoryId: number, work: () => Promise<Result> | Result): Promise<Result> {
    const before = this.#tails.get(repositoryId) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#tails.set(repositoryId, mine);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(repositoryId) === mine) this.#tails.delete(repositoryId);
    }
  }

  /** Resolves when no change is running. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.allSettled(this.#tails.values());
  }
}
