/** What is at the location is not the archive that was expected: it has this id, or there is none. */
export class OtherArchiveError extends Error {
  override name = 'OtherArchiveError';
  readonly id: string | undefined;
  constructor(id: string | undefined) {
    super('another archive, or none');
    this.id = id;
  }
}
