import { make } from "../base/dom.js";
import { link, webAddress } from "../base/links.js";

const HELD_IN_ITSELF = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/;

/**
 * A picture that the message brings itself, or one of this server. One from elsewhere is not fetched: it is told of,
 * with a link to it.
 *
 * @param {{image_url?: string, slack_file?: object, alt_text: string}} told
 * @returns {HTMLElement}
 */
export function image({ image_url: address = "", alt_text: alt }) {
  const url = webAddress(address);
  const ours = url && new URL(url).origin === location.origin;
  if (ours || HELD_IN_ITSELF.test(address)) return make("img", { src: address, alt, loading: "lazy" });
  const words = url ? link(address, alt) : alt;
  return make("span", { class: "picture", role: "img", "aria-label": `Picture: ${alt}` }, "Picture: ", words);
}
