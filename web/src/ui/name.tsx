/** A name from outside: of any length and direction. It is cut where there is no room, and whole in its title. */
export const Name = ({ text, title = text }: { text: string; title?: string }) => (
  <bdi class="name" title={title}>
    {text}
  </bdi>
);
