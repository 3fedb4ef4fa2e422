import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export interface RotatingFileOptions {
  path: string;
  /** Rename the file to path.1 (path.1 to path.2 ...) when it is this big; 0: never. */
  rotateBytes: number;
  /** How many rotated files are kept. */
  keep: number;
  /** Go on after what the file holds; else it starts empty. */
  append: boolean;
}

/** A log file as a shop writes it, with rotation by rename. */
export class RotatingFile {
  private readonly options: RotatingFileOptions;
  private file: number;
  private bytes: number;

  constructor(options: RotatingFileOptions) {
    this.options = options;
    this.file = openSync(options.path, options.append ? 'a' : 'w');
    this.bytes = fstatSync(this.file).size;
  }

  write(body: Buffer): void {
    let written = 0;
    while (written < body.length) written += writeSync(this.file, body, written);
    this.bytes += body.length;
    if (this.options.rotateBytes > 0 && this.bytes >= this.options.rotateBytes) this.rotate();
  }

  close(): void {
    closeSync(this.file);
  }

  private rotate(): void {
    const { path, keep } = this.options;
    closeSync(this.file);
    for (let n = keep - 1; n >= 1; n--)
      if (existsSync(`${path}.${n}`)) renameSync(`${path}.${n}`, `${path}.${n + 1}`);
    renameSync(path, `${path}.1`);
    this.file = openSync(path, 'a');
    this.bytes = 0;
  }
}
