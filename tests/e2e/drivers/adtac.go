// Go adtac/go-akismet. It has no verify-key.
package main

import (
	"encoding/json"
	"os"

	"github.com/adtac/go-akismet/akismet"
)

func verdict(comment *akismet.Comment, key string) string {
	spam, err := akismet.Check(comment, key)
	if err != nil {
		return "error"
	}
	if spam {
		return "spam"
	}
	return "ham"
}

func main() {
	key, blog := os.Getenv("KEY"), os.Getenv("BLOG")
	commentOf := func(author, text string) *akismet.Comment {
		return &akismet.Comment{Blog: blog, UserIP: "192.0.2.7", UserAgent: "Mozilla/5.0",
			CommentAuthor: author, CommentContent: text}
	}
	ham, spam := commentOf("Anna", os.Getenv("HAM")), commentOf("viagra-test-123", os.Getenv("SPAM"))
	answers := map[string]any{
		"verified":       nil,
		"wrong_verified": nil,
		"ham":            verdict(ham, key),
		"spam":           verdict(spam, key),
		"wrong":          verdict(ham, os.Getenv("WRONG_KEY")),
	}
	answers["submitted"] = akismet.SubmitHam(ham, key) == nil && akismet.SubmitSpam(spam, key) == nil
	json.NewEncoder(os.Stdout).Encode(answers)
}
