/** What is at the location is not the archive that was expected: it has this id, or there is none. */
export class OtherArchive extends Error {
  override name = 'OtherArchive';
  readonly id: string | undefined;
  constructor(id: string | undefined) {
    super('another archive, or none');
    this.id = id;
  }
}
