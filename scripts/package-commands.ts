/** What is typed in a checkout, and with the package instead; the longer ones first. README.md has them as a table. */
export const COMMANDS: readonly { readonly inCheckout: string; readonly inPackage: string }[] = [
  { inCheckout: './start-pipeline.sh --no-demo', inPackage: 'npx tillstream up --background' },
  { inCheckout: './start-pipeline.sh', inPackage: 'npx tillstream up --background --demo' },
  { inCheckout: './stop-pipeline.sh', inPackage: 'npx tillstream down' },
  { inCheckout: './tillstream', inPackage: 'npx tillstream' },
];

/** A text with the commands of the package. */
export function withPackageCommands(text: string): string {
  return COMMANDS.reduce(
    (all, { inCheckout, inPackage }) =>
      // The name of a command ends here; tillstream.service is another name.
      all.replace(new RegExp(`${inCheckout.replaceAll('.', '\\.')}(?![\\w/-]|\\.\\w)`, 'g'), inPackage),
    text,
  );
}
